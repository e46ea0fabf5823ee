// SPDX-License-Identifier: Apache-2.0
#include "quant/panels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace minimax::quant {
namespace {

constexpr std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

// Calls visitor.operator()<F>() for a format with codes; the others do not come here.
template <class Visitor>
void visit_coded(Format format, Visitor&& visitor) {
  visit_format(format, [&]<BlockFormat F>() {
    if constexpr (CodedFormat<F>) {
      visitor.template operator()<F>();
    }
  });
}

PanelLayout layout_of(Format format) {
  PanelLayout layout;
  visit_coded(format, [&]<CodedFormat F>() { layout = panel_layout<F>(); });
  return layout;
}

// The stored codes of a run of elements. The positions are constants, so that this becomes a few
// vector instructions.
template <CodedFormat F, int kBegin>
inline void codes_of_run(const typename F::Block& block, std::uint8_t* out) {
  constexpr int kZero = panel_layout<F>().zero;
  for (int j = 0; j < 16; ++j) {
    out[kBegin + j] = static_cast<std::uint8_t>(F::code(block, kBegin + j) + kZero);
  }
}

template <CodedFormat F>
inline void codes_of_block(const typename F::Block& block, std::uint8_t* out) {
  [&]<std::size_t... kRuns>(std::index_sequence<kRuns...>) {
    (codes_of_run<F, 16 * static_cast<int>(kRuns)>(block, out), ...);
  }(std::make_index_sequence<size(F::kElements / 16)>{});
}

std::uint32_t four_bytes(const std::uint8_t* from) {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

// One row's bytes of a plane: of each code the bits [kShift, kShift + kBits), the steps of a vector
// from its low bits up.
template <int kBits, int kShift>
inline void pack_plane(const std::uint8_t* codes, std::byte* out) {
  constexpr int kSteps = 8 / kBits;
  constexpr std::uint32_t kMask = 0x01010101u * ((1u << kBits) - 1u);
  for (int vector = 0; vector < kBits; ++vector) {
    std::uint32_t bytes = 0;
    for (int step = 0; step < kSteps; ++step) {
      const std::uint32_t four = four_bytes(codes + kStepElements * (kSteps * vector + step));
      bytes |= ((four >> kShift) & kMask) << (kBits * step);
    }
    std::memcpy(out + kStepBytes * vector, &bytes, sizeof(bytes));
  }
}

template <PanelLayout kLayout>
inline void pack_codes(const std::uint8_t* codes, int row, std::byte* out) {
  for (std::int64_t chunk = 0; chunk < kLayout.chunks(); ++chunk) {
    std::byte* to = out + chunk * kLayout.chunk_bytes() + kStepElements * row;
    pack_plane<kLayout.low_bits, 0>(codes + chunk * kChunkElements, to);
    if constexpr (kLayout.high_bits > 0) {
      pack_plane<kLayout.high_bits, kLayout.low_bits>(codes + chunk * kChunkElements,
                                                      to + kStepBytes * kLayout.low_bits);
    }
  }
}

// The value for one row of an array of sixteen.
template <class T>
inline void put(std::byte* array, int row, T value) {
  std::memcpy(array + static_cast<std::int64_t>(sizeof(T)) * row, &value, sizeof(value));
}
template <class T>
inline T get(const std::byte* array, int row) {
  T value;
  std::memcpy(&value, array + static_cast<std::int64_t>(sizeof(T)) * row, sizeof(value));
  return value;
}

template <SuperBlockFormat F>
inline void pack_sub_scales(const typename F::Block& block, int row, std::byte* out) {
  constexpr PanelLayout kLayout = panel_layout<F>();
  for (int j = 0; j < kLayout.groups(); ++j) {
    int scale = F::sub_scale(block, j);
    if constexpr (kLayout.sub_scales == SubScales::kNibblesWithMins) {
      scale |= F::sub_min(block, j) << 4;
    }
    put(out + kPanelRows * j, row, static_cast<std::uint8_t>(scale));
    if constexpr (kLayout.sub_scales == SubScales::kScalesAndMins) {
      put(out + kPanelRows * (kLayout.groups() + j), row,
          static_cast<std::uint8_t>(F::sub_min(block, j)));
    }
  }
}

template <CodedFormat F>
inline void pack_scales(const typename F::Block& block, int row, std::byte* unit) {
  constexpr PanelLayout kLayout = panel_layout<F>();
  if constexpr (HasAbsmax<F>) {
    put(unit, row, block.absmax);
  } else {
    put(unit, row, block.scale);
  }
  if constexpr (kLayout.has_mins) {
    put(unit + kLayout.scale_bytes(), row, block.min);
  }
  if constexpr (kLayout.is_super()) {
    pack_sub_scales<F>(block, row, unit + kLayout.scale_bytes() + kLayout.min_bytes());
  }
}

// One block of each row. In stages over all rows, because a load that needs what two stores have
// just written waits for them.
template <CodedFormat F>
inline void pack_unit(const BlockRows& from, std::int64_t offset, int rows, std::byte* unit) {
  constexpr PanelLayout kLayout = panel_layout<F>();
  std::array<typename F::Block, size(kPanelRows)> blocks;
  for (int row = 0; row < rows; ++row) {
    std::memcpy(&blocks[size(row)], from.data + row * from.stride + offset, sizeof(blocks[0]));
  }
  alignas(16) std::array<std::array<std::uint8_t, size(F::kElements)>, size(kPanelRows)> codes;
  for (int row = 0; row < rows; ++row) {
    codes_of_block<F>(blocks[size(row)], codes[size(row)].data());
    pack_scales<F>(blocks[size(row)], row, unit);
  }
  for (int row = 0; row < rows; ++row) {
    pack_codes<kLayout>(codes[size(row)].data(), row, unit + kLayout.header_bytes());
  }
}

template <CodedFormat F>
void pack_units(const BlockRows& from, std::byte* out) {
  constexpr PanelLayout kLayout = panel_layout<F>();
  constexpr std::int64_t kBlockBytes = sizeof(typename F::Block);
  const int rows = static_cast<int>(std::min<std::int64_t>(from.rows, kPanelRows));
  for (std::int64_t unit = 0; unit < from.elements / F::kElements; ++unit) {
    if (rows < kPanelRows) {
      std::memset(out, 0, size(kLayout.unit_bytes()));
    }
    pack_unit<F>(from, unit * kBlockBytes, rows, out);
    out += kLayout.unit_bytes();
  }
}

// Element i of a unit's row.
template <PanelLayout kLayout>
int code_at(const std::byte* codes, int row, int i) {
  const std::byte* chunk = codes + i / kChunkElements * kLayout.chunk_bytes();
  const auto step = static_cast<int>(i % kChunkElements / kStepElements);
  const auto byte = static_cast<int>(kStepElements * row + i % kStepElements);
  const auto bits = [&](const std::byte* plane, int count) {
    const int steps = 8 / count;
    const int value = get<std::uint8_t>(plane + kStepBytes * (step / steps), byte);
    return (value >> (count * (step % steps))) & ((1 << count) - 1);
  };
  int code = bits(chunk, kLayout.low_bits);
  if constexpr (kLayout.high_bits > 0) {
    code |= bits(chunk + kStepBytes * kLayout.low_bits, kLayout.high_bits) << kLayout.low_bits;
  }
  return code - kLayout.zero;
}

// What multiplies the codes of a group and what is added to them.
struct ScaleAndMin {
  float scale = 0.0f;
  float min = 0.0f;
};

template <PanelLayout kLayout>
ScaleAndMin scale_of_group(const std::byte* unit, int row, int group) {
  using tensor::Float16;
  ScaleAndMin found;
  found.scale = kLayout.float_scales ? get<float>(unit, row) : to_float(get<Float16>(unit, row));
  const std::byte* mins = unit + kLayout.scale_bytes();
  if constexpr (kLayout.has_mins) {
    found.min = to_float(get<Float16>(mins, row));
  }
  const std::byte* sub = mins + kLayout.min_bytes() + kPanelRows * group;
  if constexpr (kLayout.sub_scales == SubScales::kSigned) {
    found.scale *= static_cast<float>(get<std::int8_t>(sub, row));
  } else if constexpr (kLayout.sub_scales == SubScales::kNibblesWithMins) {
    found.scale *= static_cast<float>(get<std::uint8_t>(sub, row) & 15);
    found.min *= static_cast<float>(get<std::uint8_t>(sub, row) >> 4);
  } else if constexpr (kLayout.is_super()) {
    found.scale *= static_cast<float>(get<std::uint8_t>(sub, row));
    if constexpr (kLayout.has_mins) {
      found.min *= static_cast<float>(get<std::uint8_t>(sub + kPanelRows * kLayout.groups(), row));
    }
  }
  return found;
}

template <PanelLayout kLayout>
void decode_unit(const std::byte* unit, int row, float* out) {
  for (int i = 0; i < kLayout.unit_elements; ++i) {
    const ScaleAndMin group = scale_of_group<kLayout>(unit, row, i / kLayout.group_elements);
    const int code = code_at<kLayout>(unit + kLayout.header_bytes(), row, i);
    const float level =
        kLayout.has_levels ? kLayout.exact_levels[size(code)] : static_cast<float>(code);
    const float product = group.scale * level;
    out[i] = !kLayout.has_mins        ? product
             : kLayout.subtracts_mins ? product - group.min
                                      : product + group.min;
  }
}

}  // namespace

bool has_panels(Format format) {
  return visit_format(format, []<BlockFormat F>() { return CodedFormat<F>; });
}

std::int64_t panel_bytes(Format format, std::int64_t elements) {
  base::check(has_panels(format), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("panels: expected a quantized format, found {}", info(format).name);
  });
  const std::int64_t blocks = row_bytes(format, elements) / info(format).block_bytes;
  return blocks * layout_of(format).unit_bytes();
}

std::int64_t panels_bytes(Format format, std::int64_t rows, std::int64_t elements) {
  return (rows + kPanelRows - 1) / kPanelRows * panel_bytes(format, elements);
}

void pack_panel(const BlockRows& from, std::span<std::byte> out) {
  const std::int64_t expected = panel_bytes(from.format, from.elements);
  base::check(std::ssize(out) == expected, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("panel of {} elements in {}: expected {} bytes, found {}", from.elements,
                       info(from.format).name, expected, out.size());
  });
  visit_coded(from.format, [&]<CodedFormat F>() { pack_units<F>(from, out.data()); });
}

void pack_panels(const BlockRows& from, std::span<std::byte> out) {
  const auto each = static_cast<std::size_t>(panel_bytes(from.format, from.elements));
  BlockRows rows = from;
  for (; rows.rows > 0; rows.rows -= kPanelRows) {
    pack_panel(rows, out.first(each));
    out = out.subspan(each);
    rows.data += kPanelRows * rows.stride;
  }
}

void decode_panel_row(Format format, std::span<const std::byte> panel, int row,
                      std::span<float> out) {
  const std::int64_t expected = panel_bytes(format, std::ssize(out));
  base::check(std::ssize(panel) == expected && row >= 0 && row < kPanelRows,
              ErrorCode::kInvalidArgument, [&] {
                return fmt::format(
                    "row {} of a panel of {} elements in {}: expected {} bytes, found {}", row,
                    out.size(), info(format).name, expected, panel.size());
              });
  visit_coded(format, [&]<CodedFormat F>() {
    constexpr PanelLayout kLayout = panel_layout<F>();
    const std::byte* unit = panel.data();
    for (std::size_t at = 0; at < out.size(); at += size(F::kElements)) {
      decode_unit<kLayout>(unit, row, out.data() + at);
      unit += kLayout.unit_bytes();
    }
  });
}

}  // namespace minimax::quant
