// SPDX-License-Identifier: Apache-2.0
//
// Which file system a path lies on. SQLite's write-ahead log shares memory between processes and corrupts on network
// file systems, so the store refuses to start there (and on FUSE, which promises no shared mappings either).
// Thread class: stateless.
#pragma once

#include <optional>
#include <string>

namespace homing::base {

// The name of a file system that is not local ("NFS", "SMB", ...), by its statfs magic; nothing for local ones.
std::optional<std::string> network_file_system(long statfs_magic);

// The same for the file system that holds `path` (or its directory when it does not exist yet).
std::optional<std::string> network_file_system_of(const std::string& path);

}  // namespace homing::base
