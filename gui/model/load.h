// SPDX-License-Identifier: GPL-3.0-only
//
// From a results file to a Document, by homing::sim's reader and verdicts.
//
// An error is one sentence that names the file and the fix. LoadJob does the same in a worker thread and hands the
// answer over in the thread that started it, so that no page ever waits for a disk.
// Thread class: load_document is re-entrant; LoadJob belongs to the thread that made it.
#pragma once

#include <QObject>
#include <QString>
#include <expected>
#include <functional>
#include <memory>
#include <thread>

#include "gui/model/document.h"

namespace homing::gui {

/// Reads all scenarios of a results file. The error is one sentence for a person.
std::expected<Document, QString> load_document(const QString& file);

class LoadJob final {
 public:
  using Answer = std::expected<Document, QString>;
  using Done = std::function<void(const Answer&)>;

  /// Loads `file` in a thread of its own and calls `done` in the thread that made the job, unless the job is gone by
  /// then.
  LoadJob(const QString& file, Done done);
  /// Waits for the thread.
  ~LoadJob();
  LoadJob(const LoadJob&) = delete;
  LoadJob& operator=(const LoadJob&) = delete;

 private:
  std::unique_ptr<QObject> receiver_;  // lives in the maker's thread; calls to it are dropped once it is gone
  std::jthread thread_;
};

}  // namespace homing::gui
