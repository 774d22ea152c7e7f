#include "config/syntax/inherit.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "common/bytes/hex.h"
#include "config/syntax/parse.h"
#include "config/text.h"

namespace culvert::config {
namespace {

// A section seen with its inheritance: the written sections it is made of, nearest first.
using Layers = std::vector<const Section*>;

class Inheritor {
 public:
  Inheritor(const Tree& tree, const Section& top, Report& report)
      : tree_(tree),
        top_(top),
        report_(report),
        node_limit_(std::min(kMaxInheritedNodes, kFreeInheritedNodes + tree.nodes * kMaxInheritedGrowth)) {}

  Section Build(const Layers& layers, unsigned depth);
  // Which sections others took from is known only once all is built.
  void MarkReferenced(Section& built) const;

 private:
  Layers LayersOf(const Section& s);
  Layers Resolve(const Reference& reference);
  Layers Walk(const Section& from, const std::vector<std::string_view>& path);
  Layers Children(const Layers& layers, const std::string& name);
  bool Spend(Origin where);

  const Tree& tree_;
  const Section& top_;
  Report& report_;
  std::unordered_map<const Section*, Layers> known_;  // of sections that refer to others
  std::unordered_set<const Section*> resolving_;
  std::unordered_set<const Section*> taken_from_;  // sections some reference passed through
  const size_t node_limit_;
  size_t nodes_ = 0;
};

void AddOnce(Layers& to, const Section* s) {
  if (std::ranges::find(to, s) == to.end()) to.push_back(s);
}

Layers Inheritor::LayersOf(const Section& s) {
  Layers layers{&s};
  if (s.references.empty()) return layers;
  if (auto it = known_.find(&s); it != known_.end()) return it->second;
  // The size is also the depth of this recursion.
  if (resolving_.size() > kMaxAncestors) {
    report_.Error(s.origin, s.name, Cat("inherits through more than ", kMaxAncestors, " sections"));
    return layers;
  }
  resolving_.insert(&s);
  for (const Reference& reference : s.references) {
    for (const Section* from : Resolve(reference)) AddOnce(layers, from);
  }
  resolving_.erase(&s);
  if (layers.size() > kMaxAncestors) {
    report_.Error(s.origin, s.name, Cat("inherits from more than ", kMaxAncestors, " sections"));
    layers.resize(kMaxAncestors);
  }
  return known_.emplace(&s, std::move(layers)).first->second;
}

Layers Inheritor::Children(const Layers& layers, const std::string& name) {
  Layers out;
  for (const Section* layer : layers) {
    const Section* child = layer->FindSection(name);
    if (!child) continue;
    for (const Section* s : LayersOf(*child)) AddOnce(out, s);
  }
  return out;
}

Layers Inheritor::Walk(const Section& from, const std::vector<std::string_view>& path) {
  Layers layers{&from};
  for (std::string_view name : path) {
    for (const Section* layer : layers) {
      const Section* child = layer->FindSection(name);
      if (child && resolving_.contains(child)) return {nullptr};
    }
    layers = Children(layers, std::string(name));
    taken_from_.insert(layers.begin(), layers.end());
  }
  return layers;
}

Layers Inheritor::Resolve(const Reference& reference) {
  auto path = Split(reference.path, '.');
  Layers found = Walk(top_, path);
  if (found.empty()) found = Walk(tree_.root, path);
  if (found.empty()) {
    report_.Error(reference.origin, "", Cat("\"", Escape(reference.path), "\" is no section to inherit from"));
  } else if (!found[0]) {
    report_.Error(reference.origin, "", Cat("inheriting from \"", Escape(reference.path), "\" goes in a circle"));
    found.clear();
  }
  return found;
}

bool Inheritor::Spend(Origin where) {
  if (++nodes_ <= node_limit_) return true;
  if (nodes_ == node_limit_ + 1) {
    report_.Error(where, "", Cat("too many sections and keys once inheritance is written out; expected at most ", node_limit_));
  }
  return false;
}

Section Inheritor::Build(const Layers& layers, unsigned depth) {
  const Section& nearest = *layers[0];
  Section out(nearest.name, nearest.origin);
  if (depth > kMaxSectionDepth) {
    report_.Error(nearest.origin, nearest.name, Cat("inherits sections nested deeper than ", kMaxSectionDepth));
    return out;
  }
  std::unordered_set<std::string_view> seen;
  for (const Section* layer : layers) {
    for (const Value& v : layer->values()) {
      if (!seen.insert(v.name).second || v.unset) continue;
      if (!Spend(v.origin)) return out;
      out.AddValue(v.Clone());
    }
  }
  seen.clear();
  for (const Section* layer : layers) {
    for (const Section& s : layer->sections()) {
      if (!seen.insert(s.name).second) continue;
      if (!Spend(s.origin)) return out;
      out.AddSection(Build(Children(layers, s.name), depth + 1));
    }
  }
  return out;
}

void Inheritor::MarkReferenced(Section& built) const {
  for (const Section& s : top_.sections()) {
    Section* child = built.FindSection(s.name);
    if (child && taken_from_.contains(&s)) child->referenced = true;
  }
}

}  // namespace

Section Inherit(const Tree& tree, const Section& top, Report& report) {
  Inheritor inheritor(tree, top, report);
  Section built = inheritor.Build({&top}, 0);
  inheritor.MarkReferenced(built);
  return built;
}

}  // namespace culvert::config
