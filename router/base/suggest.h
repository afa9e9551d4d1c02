// SPDX-License-Identifier: Apache-2.0
//
// The nearest known name: what a person most likely meant when they wrote a name nobody knows.
//
// Distance is Damerau-Levenshtein in its "optimal string alignment" form (insert, delete, change, swap two neighbours),
// case ignored. A name is only offered when it is near enough to be a slip: at most a third of the longer word, and at
// least one letter right; offering nonsense is worse than offering nothing. Among equals the first in the list wins, so
// the answer does not depend on anything but its arguments.
// Thread class: stateless.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace homing::base {

// The number of single-letter slips between two words, ASCII case ignored.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The name of `known` that `written` is most likely a slip of, or nothing.
std::optional<std::string> nearest_name(std::string_view written, std::span<const std::string> known);

// `"a", "b" or "c"`, for messages that list what is possible. Lists longer than `limit` are cut with "...".
std::string quoted_list(std::span<const std::string> names, std::size_t limit = 12);

}  // namespace homing::base
