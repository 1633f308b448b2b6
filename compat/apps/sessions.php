<?php
// SPDX-License-Identifier: MIT
// A request of an application whose sessions are kept by phpredis.
session_id($argv[1]);
session_start();
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
$_SESSION['cart'][] = str_repeat('item ', 1000);
echo json_encode(['visits' => $_SESSION['visits'], 'items' => count($_SESSION['cart'])]);
if ($argv[2] === 'leave') session_destroy();
