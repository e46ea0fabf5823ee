// SPDX-License-Identifier: Apache-2.0
// The filters that measure, order and cut sequences.
#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/builtins.h"
#include "text/jinja/format.h"
#include "text/jinja/operators.h"
#include "text/jinja/sequence.h"
#include "text/jinja/text_operations.h"

namespace minimax::text::jinja {
namespace {

// Strings without their case, where `ignores_case`.
Value sort_key(Runtime& runtime, const Value& item, const Value* attribute, bool ignores_case) {
  const Value key = attribute == nullptr || is_none(*attribute)
                        ? item
                        : attribute_path(runtime, item, *attribute);
  return ignores_case && is_text(key) ? change_case(runtime.heap(), as_text(key), Case::kLower)
                                      : key;
}

struct Keyed {
  Value key;
  Value item;
};

void sort_keyed(Heap& heap, std::pmr::vector<Keyed>& items, bool is_reversed) {
  std::ranges::stable_sort(items, [&](const Keyed& a, const Keyed& b) {
    heap.spend_steps();
    return is_reversed ? compare(heap, b.key, a.key) < 0 : compare(heap, a.key, b.key) < 0;
  });
}

// "name,age" sorts by several keys, which a list of them does. A single key is a list, too: equal
// elements of lists need no order, so that several None can be sorted.
Value multi_key(Runtime& runtime, const Value& item, const Value* attribute, bool ignores_case) {
  Heap& heap = runtime.heap();
  Values keys(runtime.heap().scratch());
  if (attribute != nullptr && is_text(*attribute)) {
    for (const Value& one : split(heap, as_text(*attribute), {make_text(heap, ",")})) {
      keys.push_back(sort_key(runtime, item, &one, ignores_case));
    }
  } else {
    keys.push_back(sort_key(runtime, item, attribute, ignores_case));
  }
  return make_list(heap, keys);
}

Value sort_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  std::pmr::vector<Keyed> items(runtime.heap().scratch());
  for (const Value& item : to_vector(runtime.heap(), subject)) {
    items.push_back({multi_key(runtime, item, bound.get(2), !bound.truthy_or(1, false)), item});
  }
  sort_keyed(runtime.heap(), items, bound.truthy_or(0, false));
  Values sorted(runtime.heap().scratch());
  for (const Keyed& item : items) {
    sorted.push_back(item.item);
  }
  return make_list(runtime.heap(), sorted);
}

Value pair(Heap& heap, const Value& first, const Value& second) {
  const Value both[] = {first, second};
  return make_list(heap, both, ListKind::kTuple);
}

const Dict& expect_dict(const Value& value, std::string_view what) {
  if (is_undefined(value)) {
    fail_undefined(std::get<Undefined>(value));
  }
  if (!is_dict(value)) {
    fail(fmt::format("{}: expected a dict, found {}", what, type_name(value)));
  }
  return as_dict(value);
}

Value dictsort_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const bool by_value = bound.get(1) != nullptr && bound.require_text(1).bytes == "value";
  Heap& heap = runtime.heap();
  std::pmr::vector<Keyed> items(runtime.heap().scratch());
  for (const auto& [key, value] : expect_dict(subject, "dictsort").entries) {
    const Value sorted_by =
        sort_key(runtime, by_value ? value : key, nullptr, !bound.truthy_or(0, false));
    items.push_back({sorted_by, pair(heap, key, value)});
  }
  sort_keyed(heap, items, bound.truthy_or(2, false));
  Values sorted(runtime.heap().scratch());
  for (const Keyed& item : items) {
    sorted.push_back(item.item);
  }
  return make_list(heap, sorted);
}

Value items_filter(Runtime& runtime, const Value& subject, const Arguments&) {
  Values items(runtime.heap().scratch());
  if (!is_undefined(subject)) {
    for (const auto& [key, value] : expect_dict(subject, "items").entries) {
      runtime.heap().spend_steps();
      items.push_back(pair(runtime.heap(), key, value));
    }
  }
  return make_iterator(runtime.heap(), items);
}

Value unique_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("unique", arguments, {"case_sensitive", "attribute"});
  Heap& heap = runtime.heap();
  Values seen(runtime.heap().scratch());
  Values kept(runtime.heap().scratch());
  for (const Value& item : to_vector(heap, subject)) {
    const Value key = sort_key(runtime, item, bound.get(1), !bound.truthy_or(0, false));
    check_hashable(heap, key);
    heap.spend_steps(1 + static_cast<std::int64_t>(seen.size() >> 2));
    if (std::ranges::none_of(seen, [&](const Value& old) { return equal(heap, old, key); })) {
      seen.push_back(key);
      kept.push_back(item);
    }
  }
  return make_iterator(heap, kept);
}

template <int sign>
Value extreme_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("min or max", arguments, {"case_sensitive", "attribute"});
  Heap& heap = runtime.heap();
  Value best =
      Undefined{heap.make<UndefinedInfo>(UndefinedInfo{"min or max of nothing", "", false})};
  Value best_key;
  bool is_first = true;
  for (const Value& item : to_vector(heap, subject)) {
    const Value key = sort_key(runtime, item, bound.get(1), !bound.truthy_or(0, false));
    heap.spend_steps();
    if (is_first || compare(heap, key, best_key) * sign > 0) {
      best = item;
      best_key = key;
    }
    is_first = false;
  }
  return best;
}

Value groupby_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("groupby", arguments, {"attribute", "default", "case_sensitive"});
  Heap& heap = runtime.heap();
  std::pmr::vector<Keyed> items(runtime.heap().scratch());
  for (const Value& item : to_vector(heap, subject)) {
    Value key = attribute_path(runtime, item, bound.require(0));
    if (is_undefined(key) && bound.get(1) != nullptr) {
      key = *bound.get(1);
    }
    items.push_back({sort_key(runtime, key, nullptr, !bound.truthy_or(2, false)), item});
  }
  sort_keyed(heap, items, false);
  Values groups(runtime.heap().scratch());
  for (std::size_t begin = 0; begin < items.size();) {
    Values members(runtime.heap().scratch());
    std::size_t end = begin;
    for (; end < items.size() && equal(heap, items[end].key, items[begin].key); ++end) {
      members.push_back(items[end].item);
    }
    Value name = attribute_path(runtime, items[begin].item, bound.require(0));
    name = is_undefined(name) ? items[begin].key : name;
    groups.push_back(pair(heap, name, make_list(heap, members)));
    begin = end;
  }
  return make_list(heap, groups);
}

Value first_filter(Runtime& runtime, const Value& subject, const Arguments&) {
  Cursor cursor(runtime.heap(), subject);
  Value first =
      Undefined{runtime.heap().make<UndefinedInfo>(UndefinedInfo{"first of nothing", "", false})};
  cursor.next(first);
  return first;
}

Value last_filter(Runtime& runtime, const Value& subject, const Arguments&) {
  if (is<Iterator*>(subject)) {
    fail("'generator' object is not reversible");
  }
  const Values items = to_vector(runtime.heap(), subject);
  return items.empty() ? Value(Undefined{runtime.heap().make<UndefinedInfo>(
                             UndefinedInfo{"last of nothing", "", false})})
                       : items.back();
}

Value length_filter(Runtime& runtime, const Value& subject, const Arguments&) {
  return length(runtime.heap(), subject);
}

Value list_filter(Runtime& runtime, const Value& subject, const Arguments&) {
  return make_list(runtime.heap(), to_vector(runtime.heap(), subject));
}

Value reverse_filter(Runtime& runtime, const Value& subject, const Arguments&) {
  if (is_text(subject)) {
    return slice(runtime.heap(), subject, {std::nullopt, std::nullopt, -1});
  }
  Values items = to_vector(runtime.heap(), subject);
  std::ranges::reverse(items);
  return is<Iterator*>(subject) ? Value(make_list(runtime.heap(), items))
                                : make_iterator(runtime.heap(), items);
}

Value batch_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("batch", arguments, {"linecount", "fill_with"});
  bound.require(0);
  const std::int64_t size = bound.integer_or(0, 1);
  Heap& heap = runtime.heap();
  Values batches(runtime.heap().scratch());
  Values batch(runtime.heap().scratch());
  for (const Value& item : to_vector(heap, subject)) {
    if (static_cast<std::int64_t>(batch.size()) == size) {
      batches.push_back(make_list(heap, batch));
      batch.clear();
    }
    batch.push_back(item);
  }
  while (!batch.empty() && bound.get(1) != nullptr && !is_none(*bound.get(1)) &&
         static_cast<std::int64_t>(batch.size()) < size) {
    heap.spend_steps();
    batch.push_back(*bound.get(1));
  }
  if (!batch.empty()) {
    batches.push_back(make_list(heap, batch));
  }
  return make_iterator(heap, batches);
}

Value slice_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("slice", arguments, {"slices", "fill_with"});
  bound.require(0);
  const std::int64_t count = bound.integer_or(0, 1);
  Heap& heap = runtime.heap();
  const Values items = to_vector(heap, subject);
  if (count <= 0) {
    fail("slice: expected at least one slice");
  }
  const auto size = static_cast<std::int64_t>(items.size());
  Values slices(runtime.heap().scratch());
  std::int64_t begin = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    heap.spend_steps();
    const bool has_extra = i < size % count;
    const std::int64_t length = size / count + (has_extra ? 1 : 0);
    Values part(items.begin() + begin, items.begin() + begin + length, heap.scratch());
    if (!has_extra && bound.get(1) != nullptr && !is_none(*bound.get(1))) {
      part.push_back(*bound.get(1));
    }
    slices.push_back(make_list(heap, part));
    begin += length;
  }
  return make_iterator(heap, slices);
}

Value sum_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("sum", arguments, {"attribute", "start"});
  Value sum = bound.get_or(1, std::int64_t{0});
  const bool has_attribute = bound.get(0) != nullptr && !is_none(*bound.get(0));
  if (is_text(sum)) {
    fail("sum: cannot sum strings; use join");
  }
  for (const Value& item : to_vector(runtime.heap(), subject)) {
    runtime.heap().spend_steps();
    sum = apply(runtime.heap(), Operator::kAdd, sum,
                has_attribute ? attribute_path(runtime, item, *bound.get(0)) : item);
  }
  return sum;
}

constexpr NamedBuiltin kFilters[] = {
    {"batch", batch_filter},    {"count", length_filter},    {"dictsort", dictsort_filter},
    {"first", first_filter},    {"groupby", groupby_filter}, {"items", items_filter},
    {"last", last_filter},      {"length", length_filter},   {"list", list_filter},
    {"max", extreme_filter<1>}, {"min", extreme_filter<-1>}, {"reverse", reverse_filter},
    {"slice", slice_filter},    {"sort", sort_filter},       {"sum", sum_filter},
    {"unique", unique_filter},
};

}  // namespace

std::span<const NamedBuiltin> sequence_filters() { return kFilters; }

}  // namespace minimax::text::jinja
