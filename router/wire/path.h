// SPDX-License-Identifier: Apache-2.0
//
// Is it safe to decide a route by the beginning of this path?
//
// Intuition: the router compares the beginning of a path byte by byte and hands the rest to a session process, which
// may read paths in another way: decode escapes first, take `\` for `/`, merge `//`, walk `..`. Where the two readings
// differ, somebody reaches what was meant to be out of reach. Repairing (normalising, then forwarding what was
// normalised) changes what programs see, and `%2F` in a file's name is a file's name. So nothing is repaired:
//
//   the part that decides the route   has one spelling only, else it is refused: unsafe_prefix()
//   the rest                          is the session's and is carried byte by byte; it is refused only when some common
//                                     reading of it would climb out of the part before it: climbs()
//
// Both are told what stands before the query. A climb is judged by the worst reading: escapes decoded once or many
// times, `\` a separator, `//` no segment, `..;x` and `..%00x` still `..`. A segment that some take for
// several counts as one.
// Sources: RFC 3986 sections 3.3, 5.2.4, 6.2.2; Orange Tsai, "Breaking Parser Logic", Black Hat USA 2018.
// Thread class: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace homing::wire {

// A sentence why this beginning of a path has readings that differ; empty: it has one. Ends at a `?`.
std::string_view unsafe_prefix(std::string_view path);

// True when some reading of `rest`, which stands behind a prefix, leaves that prefix.
bool climbs(std::string_view rest);

// Both for a target whose first `prefix_size` bytes decide its route; the query is not looked at. Empty: safe.
// REQUIRES: `prefix_size` <= target.size().
std::string_view unsafe_target(std::string_view target, std::size_t prefix_size);

// Appends an absolute path without `.` and `..` as a browser reads it (`%2e` is a dot, `\` a slash); what would climb
// above the root stays there. REQUIRES: `path` begins with `/` or `\` and has no query.
void append_without_dots(std::string_view path, std::string& out);

}  // namespace homing::wire
