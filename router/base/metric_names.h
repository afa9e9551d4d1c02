// SPDX-License-Identifier: Apache-2.0
//
// The names of what is measured, the same in /metrics of a router and in the simulator's results, so that a query or a
// chart written for one reads the other. OpenMetrics naming: unit last, `_total` for counters. Ratios are 0 to 1.
// Labels are named beside each; a label's values are the core's own words (decision.h).
// Thread class: constants.
#pragma once

namespace homing::base::metric {

// State of the cluster as one router (or the world) sees it.
inline constexpr char kNodes[] = "homing_nodes";                                      // gauge; view, admin
inline constexpr char kSessions[] = "homing_sessions";                                // gauge; node, state, kind
inline constexpr char kQueueLength[] = "homing_queue_length";                         // gauge
inline constexpr char kNodeLoad5[] = "homing_node_load5";                             // gauge; node
inline constexpr char kNodeCores[] = "homing_node_cores";                             // gauge; node
inline constexpr char kNodeMemoryTotal[] = "homing_node_memory_total_bytes";          // gauge; node
inline constexpr char kNodeMemoryAvailable[] = "homing_node_memory_available_bytes";  // gauge; node
inline constexpr char kReportAge[] = "homing_node_report_age_seconds";                // gauge; node
inline constexpr char kLeaseRemaining[] = "homing_lease_remaining_seconds";           // gauge; own lease
inline constexpr char kMayOrder[] = "homing_may_order";                               // gauge 0 or 1
inline constexpr char kStoreUp[] = "homing_store_up";                                 // gauge 0 or 1
inline constexpr char kLauncherUp[] = "homing_launcher_up";                           // gauge 0 or 1
inline constexpr char kRoutes[] = "homing_routes";                                    // gauge; cached

// What the core decided.
inline constexpr char kPlacements[] = "homing_placements_total";                    // counter; strategy
inline constexpr char kPlacementsRefused[] = "homing_placements_refused_total";     // counter; reason
inline constexpr char kClaimsLost[] = "homing_claims_lost_total";                   // counter
inline constexpr char kMisfits[] = "homing_misfits_total";                          // counter
inline constexpr char kMisfitScans[] = "homing_misfit_scans_total";                 // counter
inline constexpr char kTakeovers[] = "homing_takeovers_total";                      // counter
inline constexpr char kSessionsLost[] = "homing_sessions_lost_total";               // counter; owner (present, absent)
inline constexpr char kSessionsEnded[] = "homing_sessions_ended_total";             // counter; reason
inline constexpr char kSessionsFenced[] = "homing_sessions_fenced_total";           // counter
inline constexpr char kStaleEvents[] = "homing_stale_events_total";                 // counter
inline constexpr char kCoreEvents[] = "homing_core_events_total";                   // counter; event
inline constexpr char kCoreEventDuration[] = "homing_core_event_duration_seconds";  // histogram
inline constexpr char kStartDuration[] = "homing_session_start_duration_seconds";   // histogram; kind
inline constexpr char kStoreCallDuration[] = "homing_store_call_duration_seconds";  // histogram; call

// What the proxy carries.
inline constexpr char kRequests[] = "homing_requests_total";                              // counter; node, code
inline constexpr char kRequestDuration[] = "homing_request_first_byte_duration_seconds";  // histogram
inline constexpr char kRequestsInFlight[] = "homing_requests_in_flight";                  // gauge; node
inline constexpr char kTunnels[] = "homing_tunnels";                                      // gauge; node
inline constexpr char kMisdirected[] = "homing_misdirected_total";                        // counter
inline constexpr char kBytesSent[] = "homing_sent_bytes_total";                           // counter; direction
inline constexpr char kLogLinesDropped[] = "homing_access_log_dropped_lines_total";       // counter
inline constexpr char kConnectFailed[] = "homing_connect_failures_total";                 // counter; node

// What a user feels and how even the nodes are (simulator; model.md 3 and 4 in the design).
inline constexpr char kUserMinutesLost[] = "homing_user_lost_minutes";  // sum over a run, in minutes
inline constexpr char kUserUptime[] = "homing_user_uptime_ratio";
inline constexpr char kSignInWait[] = "homing_sign_in_wait_seconds";  // quantile
inline constexpr char kSignInSuccess[] = "homing_sign_in_success_ratio";
inline constexpr char kFeltCrowding[] = "homing_felt_crowding_sessions";  // above the best integer split
inline constexpr char kWorkLost[] = "homing_work_lost_cpu_seconds";
inline constexpr char kStickinessViolations[] = "homing_stickiness_violations_total";
inline constexpr char kDoubleLife[] = "homing_double_life_seconds";

}  // namespace homing::base::metric
