// SPDX-License-Identifier: Apache-2.0
// States as bytes, in memory and in files. docs/formats/state.md has the layout.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "io/input_file.h"
#include "model/state.h"

namespace minimax::model {
namespace {

constexpr std::array<char, 8> kMagic = {'M', 'M', 'S', 'T', 'A', 'T', 'E', '2'};
constexpr std::int64_t kMostTokens = std::int64_t{1} << 48;

/// The first bytes, little-endian like all others.
struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint64_t checksum = 0;  // of what follows in the header
  std::uint64_t model_identity = 0;
  std::array<std::int64_t, 8> layout = {};
  std::int64_t length = 0;
};
static_assert(sizeof(Header) == 96);

std::uint64_t checksum_of(const Header& header) {
  constexpr std::size_t kCovered = offsetof(Header, model_identity);
  return XXH3_64bits(reinterpret_cast<const char*>(&header) + kCovered, sizeof(Header) - kCovered);
}

// How the header names the type of keys and values: by their bytes, int4 by 0.
std::int64_t element_code(tensor::DType dtype) {
  return dtype == tensor::DType::kU8 ? 0 : tensor::dtype_bytes(dtype);
}

Header header_of(const StateLayout& layout, std::int64_t length) {
  Header header;
  header.model_identity = layout.model_identity;
  header.layout = {layout.lightning_layers, layout.lightning_elements,
                   layout.softmax_layers,   layout.kv.heads,
                   layout.kv.head_dim,      element_code(layout.kv.dtype),
                   KvLayout::kPageTokens,   layout.kv.sliding_window};
  header.length = length;
  header.checksum = checksum_of(header);
  return header;
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

/// XXH3 of bytes that come in pieces.
class Checksum {
 public:
  Checksum() : state_(XXH3_createState(), XXH3_freeState) {
    base::check(state_ != nullptr && XXH3_64bits_reset(state_.get()) == XXH_OK,
                ErrorCode::kOutOfMemory, "checksum: cannot allocate its state");
  }
  void add(std::span<const std::byte> bytes) {
    if (!bytes.empty()) {
      XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
    }
  }
  std::uint64_t value() const { return XXH3_64bits_digest(state_.get()); }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

// The bytes between the header and the checksum at the end; -1 where there are more than `most`.
std::int64_t body_bytes(const StateLayout& layout, std::int64_t length, std::int64_t most) {
  const std::int64_t pages = KvLayout::end_page(length) - layout.kv.first_page(length);
  const std::int64_t page_bytes = layout.softmax_layers * layout.kv.page_bytes();
  const std::int64_t room = most - layout.lightning_bytes();
  const bool fits = room >= 0 && (page_bytes == 0 || pages <= room / page_bytes);
  return fits ? layout.lightning_bytes() + pages * page_bytes : -1;
}

}  // namespace

/// Where a state is read from.
struct SequenceState::Source {
  std::string name;  // for messages
  std::int64_t bytes = 0;
  std::function<void(std::int64_t offset, std::span<std::byte> out)> read;

  void check(bool condition, const char* what) const {
    base::check(condition, ErrorCode::kCorruptFile,
                [&] { return fmt::format("{}: {}", name, what); });
  }
  void check_header(const Header& header, const StateLayout& layout) const;
};

void SequenceState::Source::check_header(const Header& header, const StateLayout& layout) const {
  check(header.magic == kMagic, "expected the magic MMSTATE2 at the start");
  check(header.checksum == checksum_of(header),
        "the checksum of the header does not match, the bytes are damaged");
  const Header expected = header_of(layout, header.length);
  base::check(header.layout == expected.layout, ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: expected a state with the layout [{}] of this model, found [{}]", name,
                       fmt::join(expected.layout, ", "), fmt::join(header.layout, ", "));
  });
  base::check(header.model_identity == expected.model_identity, ErrorCode::kCorruptFile, [&] {
    return fmt::format("{}: expected a state of the model {:016x}, found one of {:016x}", name,
                       expected.model_identity, header.model_identity);
  });
  check(0 <= header.length && header.length <= kMostTokens, "the length is out of range");
}

// What lies between the header and the last checksum, in this order.
std::vector<std::span<std::byte>> SequenceState::blocks() const {
  std::vector<std::span<std::byte>> all;
  all.emplace_back(content_.lightning.data(), static_cast<std::size_t>(layout_.lightning_bytes()));
  for (const KvCache& cache : content_.kv) {
    for (const tensor::SharedBuffer& page : cache.needed(layout_.kv, content_.length)) {
      all.emplace_back(page.data(), static_cast<std::size_t>(layout_.kv.page_bytes()));
    }
  }
  return all;
}

void SequenceState::write(const std::function<void(std::span<const std::byte>)>& sink) const {
  Checksum checksum;
  const auto write_hashed = [&](std::span<const std::byte> bytes) {
    checksum.add(bytes);
    sink(bytes);
  };
  const Header header = header_of(layout_, content_.length);
  write_hashed(bytes_of(header));
  std::vector<std::byte> copy;
  for (const std::span<std::byte> block : blocks()) {
    copy.resize(block.size());
    layout_.memory->copy(copy.data(), block.data(), std::ssize(block));
    write_hashed(copy);
  }
  const std::uint64_t value = checksum.value();
  sink(bytes_of(value));
}

// Nothing is allocated before the header is known to be whole and to fit the size.
void SequenceState::read(const Source& source) {
  Header header;
  std::uint64_t stored = 0;
  constexpr auto kAround = static_cast<std::int64_t>(sizeof(header) + sizeof(stored));
  source.check(source.bytes >= kAround, "it is too short for a state");
  source.read(0, std::as_writable_bytes(std::span(&header, 1)));
  source.check_header(header, layout_);
  source.check(body_bytes(layout_, header.length, source.bytes - kAround) == source.bytes - kAround,
               "the size does not fit the length in the header");

  content_.length = header.length;
  for (KvCache& cache : content_.kv) {
    cache.reset(layout_.kv, header.length);
  }
  Checksum checksum;
  checksum.add(bytes_of(header));
  std::int64_t offset = sizeof(header);
  std::vector<std::byte> copy;
  for (const std::span<std::byte> block : blocks()) {
    copy.resize(block.size());
    source.read(offset, copy);
    checksum.add(copy);
    layout_.memory->copy(block.data(), copy.data(), std::ssize(block));
    offset += std::ssize(block);
  }
  source.read(offset, std::as_writable_bytes(std::span(&stored, 1)));
  source.check(stored == checksum.value(), "the checksum does not match, the bytes are damaged");
}

std::string SequenceState::save() const {
  std::string out;
  write([&](std::span<const std::byte> bytes) {
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return out;
}

SequenceState SequenceState::restore(std::string_view bytes, const MiniMaxConfig& config,
                                     KvType kv_type, std::uint64_t model_identity,
                                     const tensor::Memory& memory) {
  SequenceState state(config, kv_type, model_identity, memory);
  state.read({.name = "state",
              .bytes = std::ssize(bytes),
              .read = [&](std::int64_t offset, std::span<std::byte> out) {
                if (!out.empty()) {
                  std::memcpy(out.data(), bytes.data() + offset, out.size());
                }
              }});
  return state;
}

void SequenceState::save_file(const std::filesystem::path& path) const {
  base::AtomicFile file(path);
  write([&](std::span<const std::byte> bytes) {
    file.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  });
  file.commit();
}

SequenceState SequenceState::load_file(const std::filesystem::path& path,
                                       const MiniMaxConfig& config, KvType kv_type,
                                       std::uint64_t model_identity, const tensor::Memory& memory) {
  const io::InputFile file(path);
  SequenceState state(config, kv_type, model_identity, memory);
  state.read(
      {.name = base::printable(path.string()),
       .bytes = file.bytes(),
       .read = [&](std::int64_t offset, std::span<std::byte> out) { file.read(offset, out); }});
  return state;
}

}  // namespace minimax::model
