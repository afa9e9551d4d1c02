// SPDX-License-Identifier: Apache-2.0
#include "router/base/file_system.h"

#include <sys/vfs.h>

#include <filesystem>

namespace homing::base {
namespace {

struct Magic {
  unsigned value;
  const char* name;
};

// From linux/magic.h and the file systems' own headers.
constexpr Magic kNetwork[] = {
    {0x00006969, "NFS"},    {0x0000517b, "SMB"},    {0xff534d42, "CIFS"},     {0xfe534d42, "SMB2"},
    {0x65735546, "FUSE"},   {0x01021997, "9p"},     {0x00c36400, "Ceph"},     {0x5346414f, "AFS"},
    {0x6b414653, "AFS"},    {0x73757245, "Coda"},   {0x01161970, "GFS2"},     {0x7461636f, "OCFS2"},
    {0x0bd00bd0, "Lustre"}, {0x47504653, "GPFS"},   {0x786f4256, "vboxsf"},   {0xaad7aaea, "PanFS"},
    {0x0000564c, "NCP"},    {0x19830326, "BeeGFS"}, {0x20030528, "OrangeFS"},
};

}  // namespace

std::optional<std::string> network_file_system(long statfs_magic) {
  const auto magic = static_cast<unsigned>(static_cast<unsigned long>(statfs_magic));
  for (const Magic& known : kNetwork) {
    if (known.value == magic) return known.name;
  }
  return std::nullopt;
}

std::optional<std::string> network_file_system_of(const std::string& path) {
  struct statfs info{};
  if (::statfs(path.c_str(), &info) == 0) return network_file_system(info.f_type);
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) directory = ".";
  if (::statfs(directory.c_str(), &info) == 0) return network_file_system(info.f_type);
  return std::nullopt;
}

}  // namespace homing::base
