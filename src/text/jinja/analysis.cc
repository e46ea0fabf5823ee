// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/analysis.h"

#include <algorithm>

namespace minimax::text::jinja {
namespace {

const std::string* string_of(const Expression& expression) {
  const auto* literal = std::get_if<Literal>(&expression.node);
  return literal != nullptr && literal->storage != nullptr ? &literal->storage->bytes : nullptr;
}

bool is_none_literal(const Expression& expression) {
  const auto* literal = std::get_if<Literal>(&expression.node);
  return literal != nullptr && is_none(literal->value);
}

// `.arguments` or `['arguments']`.
bool reads_arguments(const PostfixOperation& operation) {
  if (const auto* attribute = std::get_if<Attribute>(&operation)) {
    return attribute->name == "arguments";
  }
  const auto* subscript = std::get_if<Subscript>(&operation);
  const std::string* key = subscript == nullptr ? nullptr : string_of(*subscript->index);
  return key != nullptr && *key == "arguments";
}

bool ends_in_arguments(const Expression& expression) {
  const auto* postfix = std::get_if<Postfix>(&expression.node);
  return postfix != nullptr && reads_arguments(postfix->operations.back());
}

// What only works on an object.
bool wants_object(const PostfixOperation& operation) {
  if (const auto* filter = std::get_if<Filter>(&operation)) {
    return filter->name == "tojson" || filter->name == "items" || filter->name == "dictsort";
  }
  const auto* attribute = std::get_if<Attribute>(&operation);
  return attribute != nullptr &&
         (attribute->name == "items" || attribute->name == "keys" || attribute->name == "get");
}

class Walker {
 public:
  Facts take() {
    facts_.takes_argument_objects = uses_objects_ || !uses_text_;
    return std::move(facts_);
  }

  void walk(const Block& block) {
    for (const Statement& statement : block) {
      std::visit([this](const auto& node) { visit(node); }, statement.node);
    }
  }

 private:
  void walk(const ExpressionPtr& expression) {
    if (expression != nullptr) {
      if (const std::string* text = string_of(*expression); text != nullptr) {
        facts_.strings.insert(*text);
      }
      std::visit([this](const auto& node) { visit(node); }, expression->node);
    }
  }

  void visit(const Data&) {}
  void visit(const Break&) {}
  void visit(const Continue&) {}
  void visit(const Literal&) {}
  void visit(const Name&) {}
  void visit(const Output& output) {
    for (const ExpressionPtr& value : output.values) {
      uses_text_ = uses_text_ || ends_in_arguments(*value);
      walk(value);
    }
  }
  void visit(const For& loop) {
    walk(loop.iterable);
    walk(loop.condition);
    walk(loop.body);
    walk(loop.otherwise);
  }
  void visit(const If& statement) {
    for (const If::Branch& branch : statement.branches) {
      walk(branch.condition);
      walk(branch.body);
    }
  }
  void visit(const Set& statement) { walk(statement.value); }
  void visit(const SetBlock& statement) {
    visit(statement.filters);
    walk(statement.body);
  }
  void visit(const std::unique_ptr<Macro>& macro) {
    for (const Parameter& parameter : macro->parameters) {
      walk(parameter.fallback);
    }
    walk(macro->body);
  }
  void visit(const CallBlock& statement) {
    walk(statement.call);
    visit(statement.body);
  }
  void visit(const FilterBlock& statement) {
    visit(statement.filters);
    walk(statement.body);
  }
  void visit(const With& statement) {
    for (const auto& [target, value] : statement.bindings) {
      walk(value);
    }
    walk(statement.body);
  }
  void visit(const Generation& statement) { walk(statement.body); }

  void visit(const ListDisplay& display) {
    for (const ExpressionPtr& item : display.items) {
      walk(item);
    }
  }
  void visit(const DictDisplay& display) {
    for (const auto& [key, value] : display.entries) {
      walk(key);
      walk(value);
    }
  }
  void visit(const Chain& chain) {
    note_text(*chain.first);
    walk(chain.first);
    for (const auto& [op, operand] : chain.rest) {
      note_text(*operand);
      walk(operand);
    }
  }
  void note_text(const Expression& operand) {
    uses_text_ = uses_text_ || ends_in_arguments(operand);
  }
  void visit(const Comparison& comparison) {
    walk(comparison.first);
    for (const auto& [op, operand] : comparison.rest) {
      facts_.asks_for_none = facts_.asks_for_none || is_none_literal(*operand);
      walk(operand);
    }
  }
  void visit(const Logical& logical) {
    for (const ExpressionPtr& operand : logical.operands) {
      walk(operand);
    }
  }
  void visit(const Unary& unary) { walk(unary.operand); }
  void visit(const Conditional& conditional) {
    for (const Conditional::Branch& branch : conditional.branches) {
      walk(branch.condition);
      walk(branch.value);
    }
  }
  void visit(const Postfix& postfix) {
    walk(postfix.base);
    for (std::size_t i = 0; i < postfix.operations.size(); ++i) {
      const PostfixOperation& operation = postfix.operations[i];
      if (i > 0 && reads_arguments(postfix.operations[i - 1]) && wants_object(operation)) {
        uses_objects_ = true;
      }
      std::visit([this](const auto& node) { visit(node); }, operation);
    }
  }

  void visit(const Attribute& attribute) { facts_.strings.insert(attribute.name); }
  void visit(const Subscript& subscript) { walk(subscript.index); }
  void visit(const Slice& slice) {
    walk(slice.start);
    walk(slice.stop);
    walk(slice.step);
  }
  void visit(const Call& call) { visit(call.arguments); }
  void visit(const Filter& filter) { visit(filter.arguments); }
  void visit(const Test& test) {
    facts_.asks_for_none = facts_.asks_for_none || test.name == "none";
    visit(test.arguments);
  }
  void visit(const CallArguments& arguments) {
    for (const ExpressionPtr& argument : arguments.positional) {
      walk(argument);
    }
    for (const auto& [name, argument] : arguments.named) {
      walk(argument);
    }
    walk(arguments.unpacked);
    walk(arguments.unpacked_named);
  }

  Facts facts_;
  bool uses_objects_ = false;
  bool uses_text_ = false;
};

}  // namespace

Facts analyse(const Ast& ast) {
  Walker walker;
  walker.walk(ast.body);
  return walker.take();
}

}  // namespace minimax::text::jinja
