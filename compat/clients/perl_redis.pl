#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# Perl's Redis.pm, as its users write it.
use strict;
use warnings;
use Redis;

my $r = Redis->new(server => "127.0.0.1:$ARGV[0]", reconnect => 2);
sub is { my ($got, $want, $what) = @_; die "$what: got '$got', want '$want'\n" if $got ne $want; }

is($r->ping, "PONG", "ping");
is($r->set(key => "value"), "OK", "set");
is($r->get("key"), "value", "get");
die "missing key\n" if defined $r->get("missing");
is($r->incrby(n => 5), 5, "incrby");
is(join(",", $r->mget("key", "n")), "value,5", "mget");
$r->setex("short", 100, "x");
die "ttl\n" unless $r->ttl("short") > 90;
$r->set("k$_", $_, sub { }) for 1 .. 1000;
$r->wait_all_responses;
is($r->dbsize, 1003, "dbsize");
my ($cursor, $keys, $count) = (0, [], 0);
do { ($cursor, $keys) = $r->scan($cursor, "MATCH", "k[0-9]*"); $count += @$keys; } while $cursor;
is($count, 1000, "scan");
$r->multi; $r->incr("n"); $r->get("n");
is(join(",", $r->exec), "6,6", "exec");
is($r->info->{redis_version}, "7.4.0", "info");
eval { $r->incr("key") };
die "no error\n" unless $@ =~ /not an integer/;
$r->select(3);
is($r->dbsize, 0, "select");
$r->quit;
print "Redis.pm works\n";
