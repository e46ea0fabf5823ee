// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/from_json.h"

namespace minimax::text::jinja {
namespace {

Value from_array(Heap& heap, const base::JsonArray& array) {
  Values items(heap.scratch());
  items.reserve(array.size());
  for (const base::Json& item : array) {
    items.push_back(from_json(heap, item));
  }
  return make_list(heap, items);
}

// The keys of a parsed object are distinct, so entries need no look-up.
Value from_object(Heap& heap, const base::JsonObject& object) {
  auto* dict = heap.make<Dict>(heap);
  dict->entries.reserve(object.size());
  for (const auto& [key, value] : object) {
    dict->entries.emplace_back(view_text(heap, key, Mark::kInput), from_json(heap, value));
  }
  return dict;
}

}  // namespace

Value from_json(Heap& heap, const base::Json& json) {
  const DepthGuard guard(heap);
  if (json.is_bool()) {
    return json.boolean();
  }
  if (json.is_integer()) {
    return json.integer();
  }
  if (json.is_number()) {
    return json.number();
  }
  if (json.is_string()) {
    return view_text(heap, json.string(), Mark::kInput);
  }
  if (json.is_array()) {
    return from_array(heap, json.array());
  }
  if (json.is_object()) {
    return from_object(heap, json.object());
  }
  return None{};
}

}  // namespace minimax::text::jinja
