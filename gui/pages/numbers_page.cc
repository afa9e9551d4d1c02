// SPDX-License-Identifier: GPL-3.0-only
#include "gui/pages/numbers_page.h"

#include <QClipboard>
#include <QComboBox>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QTableView>
#include <QVBoxLayout>

#include "gui/charts/palette.h"
#include "gui/model/series_model.h"

namespace homing::gui {

NumbersPage::NumbersPage(const ScenarioView& scenario, QWidget* parent)
    : QWidget(parent),
      scenario_(scenario),
      model_(new SeriesModel(this)),
      chooser_(new QComboBox),
      table_(new QTableView) {
  auto* caption = new QLabel(QStringLiteral("Sessions on each node, mean of each time bucket, under"));
  caption->setBuddy(chooser_);
  for (const StrategyView& strategy : scenario_.strategies) chooser_->addItem(strategy.name);
  chooser_->setAccessibleName(QStringLiteral("Strategy"));
  auto* copy_button = new QPushButton(QStringLiteral("Copy table"));
  connect(copy_button, &QPushButton::clicked, this, [this] { copy(); });
  connect(chooser_, &QComboBox::currentIndexChanged, this, [this](int index) { show_strategy(index); });
  table_->setModel(model_);
  table_->setAccessibleName(QStringLiteral("Sessions on each node over time"));
  table_->setFont(palette::font(12));
  table_->setAlternatingRowColors(true);
  table_->verticalHeader()->hide();
  table_->horizontalHeader()->setDefaultSectionSize(84);

  auto* top = new QHBoxLayout;
  top->addWidget(caption);
  top->addWidget(chooser_);
  top->addStretch(1);
  top->addWidget(copy_button);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(24, 16, 24, 16);
  layout->addLayout(top);
  layout->addWidget(table_, 1);
  show_strategy(0);
}

void NumbersPage::show_strategy(int index) {
  if (index < 0 || index >= scenario_.strategies.size()) return;
  model_->show(scenario_.strategies[index], scenario_.start_s);
}

void NumbersPage::copy() const {
  QStringList lines;
  for (int row = -1; row < model_->rowCount(); ++row) {
    QStringList fields;
    for (int column = 0; column < model_->columnCount(); ++column) {
      fields.append((row < 0 ? model_->headerData(column, Qt::Horizontal, Qt::DisplayRole)
                             : model_->data(model_->index(row, column), Qt::DisplayRole))
                        .toString());
    }
    lines.append(fields.join(QLatin1Char('\t')));
  }
  QGuiApplication::clipboard()->setText(lines.join(QLatin1Char('\n')));
}

}  // namespace homing::gui
