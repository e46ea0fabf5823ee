// SPDX-License-Identifier: Apache-2.0
// lightning_attention for the CPU: blocks of tokens as small matrix products, single tokens as one
// pass over the state. README.md derives the block form.
#include "ops/bounds.h"
#include "ops/lanes.h"
#include "ops/lightning_attention/lightning_attention_kernels.h"
#include "ops/tiles.h"

namespace minimax::ops::kernels {
namespace {

// Fewer tokens than this are computed one by one.
constexpr std::int64_t kBlockTokens = 4;

// The scratch of one block. Rows are padded to kTileRows and to whole vectors with zeros.
struct Block {
  std::int64_t tokens;
  std::int64_t rows;   // tokens rounded up to kTileRows
  std::int64_t width;  // head_dim rounded up to vectors
  float* q;            // [rows, width]
  float* k;            // [rows, width]
  float* v;            // [rows, width]
  float* scores;       // [rows, kLightningBlock], the products q k^T with their decay
  float* decays;  // [2 * kLightningBlock]: exp(-decay n) at kLightningBlock - 1 - n, then zeros
  float* state;   // [head_dim, state_stride]
  std::int64_t state_stride;
};

// to = SiLU(from), with zeros up to `width`.
void silu_row(const float* from, std::int64_t dim, float* to) {
  for_each_vec(0, dim, [&](std::int64_t i, auto lanes) {
    cpu::store(to + i, cpu::silu(load(from + i, lanes)));
  });
}

void zero_fill(float* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += Vec::kLanes) {
    cpu::store(to + i, cpu::zero());
  }
}

// ---- one token -----------------------------------------------------------------------------

struct Step {
  const float* q;
  const float* k;
  const float* v;
  float ratio;
  float ratio_low;
  std::int64_t dim;
  float* state;
  float* out;
};

// S = ratio S + k^T v and out = q S for kVecs vectors of columns, in one pass over S.
template <int kVecs, class Lanes>
void step_columns(const Step& step, std::int64_t column, Lanes lanes) {
  const Vec ratio = cpu::broadcast(step.ratio);
  const Vec ratio_low = cpu::broadcast(step.ratio_low);
  TileRow<kVecs> values;
  TileRow<kVecs> sums = {};
  for (int i = 0; i < kVecs; ++i) {
    values.at[i] = load(step.v + column + i * Vec::kLanes, lanes);
  }
  for (std::int64_t row = 0; row < step.dim; ++row) {
    const Vec key = cpu::broadcast(step.k[row]);
    const Vec query = cpu::broadcast(step.q[row]);
    float* state = step.state + row * step.dim + column;
    for (int i = 0; i < kVecs; ++i) {
      const Vec old = load(state + i * Vec::kLanes, lanes);
      const Vec added = cpu::fma(old, ratio_low, key * values.at[i]);
      const Vec next = cpu::fma(old, ratio, added);
      store(state + i * Vec::kLanes, next, lanes);
      sums.at[i] = cpu::fma(query, next, sums.at[i]);
    }
  }
  for (int i = 0; i < kVecs; ++i) {
    store(step.out + column + i * Vec::kLanes, sums.at[i], lanes);
  }
}

void step_all_columns(const Step& step) {
  constexpr int kWide = Vec::kLanes == 16 ? 8 : 4;
  std::int64_t column = 0;
  for (; column + kWide * Vec::kLanes <= step.dim; column += kWide * Vec::kLanes) {
    step_columns<kWide>(step, column, AllLanes{});
  }
  for (; column + 2 * Vec::kLanes <= step.dim; column += 2 * Vec::kLanes) {
    step_columns<2>(step, column, AllLanes{});
  }
  for_each_vec(column, step.dim,
               [&](std::int64_t i, auto lanes) { step_columns<1>(step, i, lanes); });
}

void run_tokens(const LightningHead& head, const LightningWork& work) {
  const std::int64_t dim = head.head_dim;
  const std::int64_t width = rounded_up(dim, Vec::kLanes);
  float* q = work.scratch;
  float* k = q + width;
  float* v = k + width;
  for (std::int64_t t = 0; t < head.tokens; ++t) {
    const float* token = head.qkv + t * head.qkv_stride;
    silu_row(token, dim, q);
    silu_row(token + dim, dim, k);
    silu_row(token + 2 * dim, dim, v);
    step_all_columns({.q = q,
                      .k = k,
                      .v = v,
                      .ratio = work.powers[1],
                      .ratio_low = work.powers_low[1],
                      .dim = dim,
                      .state = head.state,
                      .out = head.out + t * head.out_stride});
  }
}

// ---- a block of tokens ---------------------------------------------------------------------

// Fetches q, k and v of a token. A head's part of a token is too short for the processor to see
// where the next one lies.
void fetch_token(const LightningHead& head, std::int64_t t) {
  const float* token = head.qkv + smaller(t, head.tokens - 1) * head.qkv_stride;
  for (std::int64_t i = 0; i < 3 * head.head_dim; i += 16) {
    __builtin_prefetch(token + i);
  }
}

void load_block(const LightningHead& head, std::int64_t first, Block& block) {
  for (std::int64_t t = 0; t < block.tokens; ++t) {
    fetch_token(head, first + t + 2);
    const float* token = head.qkv + (first + t) * head.qkv_stride;
    silu_row(token, head.head_dim, block.q + t * block.width);
    silu_row(token + head.head_dim, head.head_dim, block.k + t * block.width);
    silu_row(token + 2 * head.head_dim, head.head_dim, block.v + t * block.width);
  }
  const std::int64_t padding = (block.rows - block.tokens) * block.width;
  zero_fill(block.q + block.tokens * block.width, padding);
  zero_fill(block.k + block.tokens * block.width, padding);
  zero_fill(block.v + block.tokens * block.width, padding);
}

// scores[i][j] = q_i k_j exp(-decay (i - j)) for j <= i, zero for the later j of i's tile.
void compute_scores(const Block& block) {
  for (std::int64_t i = 0; i < block.rows; i += kTileRows) {
    for (std::int64_t j = 0; j <= i; j += 4) {
      dot_rows<float>({.a = block.q + i * block.width,
                       .a_stride = block.width,
                       .b = block.k + j * block.width,
                       .b_stride = block.width,
                       .width = block.width},
                      [&](int r, __m128 products) {
                        const __m128 decays =
                            _mm_loadu_ps(block.decays + kLightningBlock - 1 - (i + r) + j);
                        _mm_storeu_ps(block.scores + (i + r) * kLightningBlock + j,
                                      _mm_mul_ps(products, decays));
                      });
    }
  }
}

template <int kVecs>
void store_row(const TileRow<kVecs>& row, float* out, std::int64_t columns) {
  for (int v = 0; v < kVecs; ++v) {
    const std::int64_t left = columns - v * Vec::kLanes;
    if (left >= Vec::kLanes) {
      cpu::store(out + v * Vec::kLanes, row.at[v]);
    } else if (left > 0) {
      cpu::store_first(out + v * Vec::kLanes, row.at[v], left);
    }
  }
}

// o_i = exp(-decay (i + 1)) q_i S + sum over j <= i of scores[i][j] v_j, for the rows of a tile.
template <int kVecs>
void output_tile(const LightningHead& head, const LightningWork& work, const Block& block,
                 std::int64_t i, std::int64_t column, float* out) {
  Tile<kVecs> tile = {};
  accumulate(tile, {block.q + i * block.width, block.width, 1}, block.state + column,
             block.state_stride, head.head_dim);
  for (int r = 0; r < kTileRows; ++r) {
    const std::int64_t age = i + r < block.tokens ? i + r + 1 : block.tokens;
    for (int v = 0; v < kVecs; ++v) {
      tile.row[r].at[v] = tile.row[r].at[v] * cpu::broadcast(work.powers[age]);
    }
  }
  accumulate(tile, {block.scores + i * kLightningBlock, kLightningBlock, 1}, block.v + column,
             block.width, i + kTileRows);
  for (int r = 0; r < kTileRows && i + r < block.tokens; ++r) {
    store_row(tile.row[r], out + (i + r) * head.out_stride + column, head.head_dim - column);
  }
}

void compute_output(const LightningHead& head, const LightningWork& work, const Block& block,
                    float* out) {
  for_each_panel(block.width, [&]<int kVecs>(std::int64_t column) {
    for (std::int64_t i = 0; i < block.rows; i += kTileRows) {
      output_tile<kVecs>(head, work, block, i, column, out);
    }
  });
}

// S = exp(-decay m) S + sum over j of exp(-decay (m - 1 - j)) k_j^T v_j. Scales k in place.
void update_state(const LightningHead& head, const LightningWork& work, const Block& block) {
  for (std::int64_t j = 0; j < block.tokens; ++j) {
    const Vec decay = cpu::broadcast(work.powers[block.tokens - 1 - j]);
    for (std::int64_t i = 0; i < block.width; i += Vec::kLanes) {
      float* k = block.k + j * block.width + i;
      cpu::store(k, cpu::load(k) * decay);
    }
  }
  const Vec ratio = cpu::broadcast(work.powers[block.tokens]);
  const Vec ratio_low = cpu::broadcast(work.powers_low[block.tokens]);
  for_each_panel(block.width, [&]<int kVecs>(std::int64_t column) {
    for (std::int64_t d = 0; d < head.head_dim; d += kTileRows) {
      Tile<kVecs> tile = {};
      accumulate(tile, {block.k + d, 1, block.width}, block.v + column, block.width, block.tokens);
      for (int r = 0; r < kTileRows; ++r) {
        for (int v = 0; v < kVecs; ++v) {
          float* s = block.state + (d + r) * block.state_stride + column + v * Vec::kLanes;
          const Vec old = cpu::load(s);
          const Vec added = cpu::fma(old, ratio_low, tile.row[r].at[v]);
          cpu::store(s, cpu::fma(old, ratio, added));
        }
      }
    }
  });
}

// The state in rows of whole vectors: where it is, or a padded copy.
void load_state(const LightningHead& head, Block& block) {
  if (head.head_dim == block.width) {
    block.state = head.state;
    return;
  }
  zero_fill(block.state, rounded_up(head.head_dim, kTileRows) * block.width);
  for (std::int64_t d = 0; d < head.head_dim; ++d) {
    for_each_vec(0, head.head_dim, [&](std::int64_t i, auto lanes) {
      cpu::store(block.state + d * block.width + i,
                 load(head.state + d * head.head_dim + i, lanes));
    });
  }
}

void save_state(const LightningHead& head, const Block& block) {
  if (block.state == head.state) {
    return;
  }
  for (std::int64_t d = 0; d < head.head_dim; ++d) {
    for_each_vec(0, head.head_dim, [&](std::int64_t i, auto lanes) {
      store(head.state + d * head.head_dim + i, cpu::load(block.state + d * block.width + i),
            lanes);
    });
  }
}

Block block_in(float* scratch, std::int64_t head_dim) {
  const std::int64_t width = rounded_up(head_dim, Vec::kLanes);
  const std::int64_t rows = kLightningBlock * width;
  Block block = {};
  block.width = width;
  block.q = scratch;
  block.k = block.q + rows;
  block.v = block.k + rows;
  block.scores = block.v + rows;
  block.decays = block.scores + kLightningBlock * kLightningBlock;
  block.state = block.decays + 2 * kLightningBlock;
  block.state_stride = width;
  return block;
}

// The decays of blocks of up to `tokens`; the zeros are those of pairs of a later key.
void load_decays(std::int64_t tokens, const LightningWork& work, const Block& block) {
  zero_fill(block.decays, 2 * kLightningBlock);
  for (std::int64_t n = 0; n < tokens; ++n) {
    block.decays[kLightningBlock - 1 - n] = work.powers[n];
  }
}

void run_blocks(const LightningHead& head, const LightningWork& work) {
  Block block = block_in(work.scratch, head.head_dim);
  load_decays(smaller(head.tokens, work.block), work, block);
  load_state(head, block);
  for (std::int64_t first = 0; first < head.tokens; first += work.block) {
    block.tokens = smaller(head.tokens - first, work.block);
    block.rows = rounded_up(block.tokens, kTileRows);
    load_block(head, first, block);
    compute_scores(block);
    compute_output(head, work, block, head.out + first * head.out_stride);
    update_state(head, work, block);
  }
  save_state(head, block);
}

}  // namespace

template <cpu::Isa>
void lightning_attention(const LightningHead& head, const LightningWork& work) {
  if (head.tokens < kBlockTokens) {
    run_tokens(head, work);
  } else {
    run_blocks(head, work);
  }
}

template void lightning_attention<cpu::kTargetIsa>(const LightningHead&, const LightningWork&);

}  // namespace minimax::ops::kernels
