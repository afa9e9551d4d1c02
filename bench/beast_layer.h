// SPDX-License-Identifier: Apache-2.0
//
// The peer of wire_bench: a layer of checks around Beast's parser, over raw bytes and over parsed fields, with the
// rules of router/wire as far as they go. It guarded the front door before router/wire; nothing but the benchmark uses
// it. Thread class: pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "bench/beast_headers.h"

namespace homing::bench {

// `head` ends with the empty line.
std::optional<HeadError> check_raw_head(std::string_view head);
std::optional<HeadError> check_request_head(const RequestHead& head);

}  // namespace homing::bench
