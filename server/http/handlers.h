// SPDX-License-Identifier: MIT
// The handlers of the route table. Each gives the exchange a response, or a command whose reply it waits for.
#pragma once

namespace ringkv::server::http {

class Exchange;

// key_handlers.cc
void GetKey(Exchange& exchange);
void PutKey(Exchange& exchange);
void DeleteKey(Exchange& exchange);

// json_handlers.cc
void PostSet(Exchange& exchange);
void PostSetKey(Exchange& exchange);
void PostMGet(Exchange& exchange);
void PostMSet(Exchange& exchange);

// search_handler.cc
void Search(Exchange& exchange);

// health_handlers.cc
void ShowHealth(Exchange& exchange);
void ShowReadiness(Exchange& exchange);

// metrics_handler.cc
void ShowMetrics(Exchange& exchange);

// page_handlers.cc
void ShowPage(Exchange& exchange);
void ShowPageFile(Exchange& exchange);

// session_handler.cc
void ShowSession(Exchange& exchange);

// history_handler.cc
void ShowHistory(Exchange& exchange);

// events_handler.cc
void StreamEvents(Exchange& exchange);

// tree_handler.cc
void ShowKeyTree(Exchange& exchange);

// command_handler.cc
void PostCommands(Exchange& exchange);

}  // namespace ringkv::server::http
