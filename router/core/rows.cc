// SPDX-License-Identifier: Apache-2.0
#include "router/core/rows.h"

namespace homing::core {

RowKey key_of(const Row& row) {
  struct Visitor {
    RowKey operator()(const NodeRow& r) const { return {RowKind::kNode, 0, r.node.value}; }
    RowKey operator()(const SessionRow& r) const { return {RowKind::kSession, r.session.hi, r.session.lo}; }
    RowKey operator()(const UserRow& r) const { return {RowKind::kUser, 0, r.user.value}; }
    RowKey operator()(const QueueRow& r) const { return {RowKind::kQueue, r.session.hi, r.session.lo}; }
  };
  return std::visit(Visitor{}, row);
}

}  // namespace homing::core
