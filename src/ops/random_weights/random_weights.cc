// SPDX-License-Identifier: Apache-2.0
#include "ops/random_weights/random_weights.h"

#include <algorithm>
#include <vector>

#include "ops/checks.h"
#include "ops/parallel.h"
#include "ops/random_weights/random_weights_kernels.h"
#include "quant/panels.h"

namespace minimax::ops {
namespace {

constexpr std::int64_t kPanelRows = 16;

// Rows [begin, end) of the matrix, where `begin` is the first of a panel.
void fill_rows(const RandomWeightsArgs& args, std::int64_t begin, std::int64_t end) {
  const quant::Matrix& out = args.out;
  const std::int64_t columns = out.shape()[1];
  const std::int64_t row_bytes = quant::row_bytes(out.format(), columns);
  const bool in_rows = out.layout() == quant::Layout::kRows;
  std::vector<std::byte> rows(static_cast<std::size_t>(in_rows ? 0 : (end - begin) * row_bytes));
  std::byte* const to = in_rows ? out.bytes_begin() + begin * row_bytes : rows.data();
  for (std::int64_t row = begin; row < end; ++row) {
    reference::random_row(args, row,
                          {to + (row - begin) * row_bytes, static_cast<std::size_t>(row_bytes)});
  }
  if (!in_rows) {
    const std::int64_t panel = quant::panel_bytes(out.format(), columns);
    quant::pack_panel(
        {out.format(), rows.data(), row_bytes, end - begin, columns},
        {out.bytes_begin() + begin / kPanelRows * panel, static_cast<std::size_t>(panel)});
  }
}

void fill_panels(const RandomWeightsArgs& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t panel = begin; panel < end; ++panel) {
    const std::int64_t first = panel * kPanelRows;
    fill_rows(args, first, std::min(first + kPanelRows, args.out.shape()[0]));
  }
}

}  // namespace

void random_weights(const Context& ctx, const RandomWeightsArgs& args) {
  const tensor::Shape& shape = args.out.shape();
  base::check(shape.rank() == 2, ErrorCode::kInvalidArgument,
              "random_weights: expected a matrix as out");
  const std::int64_t panels = (shape[0] + kPanelRows - 1) / kPanelRows;
  switch (ctx.device) {
    case Device::kReference:
      return fill_panels(args, 0, panels);
    case Device::kCpu:
      return parallel_tasks(
          ctx, panels, shape.elements(),
          [&](std::int64_t begin, std::int64_t end, int) { fill_panels(args, begin, end); });
    case Device::kCuda:
      return cuda::random_weights(ctx, args);
  }
}

}  // namespace minimax::ops
