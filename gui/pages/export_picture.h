// SPDX-License-Identifier: GPL-3.0-only
//
// The headless twin: the same page, painted into a picture. A file with several scenarios becomes one tall picture, the
// scenarios below each other in their order, so that `--export OUT.png` always writes exactly OUT.png.
// The picture is written beside its name and renamed: an interrupted export leaves no half picture.
// Thread class: GUI thread only (it paints widgets); needs a QApplication, but no display.
#pragma once

#include <QImage>
#include <QList>
#include <QString>
#include <expected>

#include "gui/model/document.h"

namespace homing::gui {

/// Width of the page in units, and pixels per unit of the picture.
inline constexpr int kExportWidth = 1280;
inline constexpr int kExportScale = 2;

QImage render_scenario(const ScenarioView& scenario);

/// Writes the PNG. The error is one sentence that names the file and the fix. REQUIRES: at least one scenario.
std::expected<void, QString> export_picture(const QList<ScenarioView>& scenarios, const QString& file);

}  // namespace homing::gui
