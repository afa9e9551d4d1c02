// SPDX-License-Identifier: Apache-2.0
//
// For kinds whose programs live at `/` while the browser sees them at `/s/ID` (prefix = "strip"): what goes to the
// program loses the prefix, and what comes back that names a path gets it again.
//
// Intuition: the program speaks of its own paths, and only three places of an answer's head matter: Location, and Path
// and Domain of Set-Cookie. A path that already begins with the prefix is left alone, because a program that reads
// X-Forwarded-Prefix adds it itself; so rewriting twice changes nothing. Where a browser would resolve a relative
// Location out of the session (`../..`, which the program takes for its root), it is resolved here instead.
//
// Another origin's URL is the program's own business and is passed on. This is service, not protection: whatever a
// session sends is run by the browser in the same origin anyway.
// Not here: Content-Location, Refresh, Link, and everything inside bodies.
// Sources: RFC 3986 section 5.2, RFC 9110 section 10.2.2, RFC 6265 section 5.2; nginx's proxy_redirect and
// proxy_cookie_path.
// Thread class: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace homing::wire {

struct Stripped {
  std::string_view prefix;  // `/s/ID`: no slash at its end
  std::string_view scheme;  // `http` or `https`, as the client spoke
  std::string_view host;    // the request's Host
  std::string_view target;  // as the program was asked: begins with `/`
};

// What the program is asked instead of prefix + `rest`: begins with exactly one slash, since `//x` names a host to some
// programs.
void append_stripped_target(std::string_view rest, std::string& out);

// Appends the value that the browser shall see. True when it is another than `location`.
bool rewrite_location(std::string_view location, const Stripped& where, std::string& out);

// The same for Set-Cookie. A Path that is absolute gets the prefix; without one the browser's default is right. A
// Domain that covers the request's host is left out, so that the cookie is this host's only; any other is kept, and the
// browser refuses it as it would have. `__Host-` cookies keep their Path=/, without which browsers refuse them.
bool rewrite_set_cookie(std::string_view value, const Stripped& where, std::string& out);

}  // namespace homing::wire
