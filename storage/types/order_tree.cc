// SPDX-License-Identifier: MIT
#include "storage/types/order_tree.h"

#include <algorithm>

#include "storage/base/check.h"

namespace ringkv::storage {
namespace {

// Makes room for one at `at`, or closes it.
template <typename Element>
void ShiftRight(Element* elements, uint32_t at, uint32_t count) {
  std::copy_backward(elements + at, elements + count, elements + count + 1);
}
template <typename Element>
void ShiftLeft(Element* elements, uint32_t at, uint32_t count) {
  std::copy(elements + at + 1, elements + count, elements + at);
}

// How many elements of a full node stay when one is inserted at `at`. Insertion at an end leaves full nodes.
uint32_t StayingAt(uint32_t at, uint32_t capacity) {
  if (at == capacity) return capacity;
  return at == 0 ? 0 : capacity / 2;
}

}  // namespace

OrderTree::~OrderTree() {
  if (root_ != nullptr) DeleteBelow(root_);
}

void OrderTree::Delete(Node* node) {
  --nodes_;
  if (node->is_leaf) {
    delete &AsLeaf(node);
  } else {
    delete &AsInner(node);
  }
}

void OrderTree::DeleteBelow(Node* node) {
  if (!node->is_leaf) {
    const Inner& inner = AsInner(node);
    for (uint32_t i = 0; i < inner.count; ++i) DeleteBelow(inner.children[i].node);
  }
  Delete(node);
}

OrderTree::Child OrderTree::Describe(Node* node) {
  if (node->is_leaf) return {AsLeaf(node).items[0], node->count, node};
  Child child{AsInner(node).children[0].first, 0, node};
  for (uint32_t i = 0; i < node->count; ++i) child.size += AsInner(node).children[i].size;
  return child;
}

uint32_t OrderTree::ChildFor(const Inner& inner, const Item& item) {
  uint32_t low = 0;
  uint32_t high = inner.count;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    if (IsBefore(item, inner.children[middle].first.score, inner.children[middle].first.name())) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low == 0 ? 0 : low - 1;
}

void OrderTree::Insert(const Item& item) {
  if (root_ == nullptr) root_ = New<Leaf>();
  ++size_;
  Node* right = InsertInto(root_, item);
  if (right == nullptr) return;
  auto* above = New<Inner>();
  above->children[0] = Describe(root_);
  above->children[1] = Describe(right);
  above->count = 2;
  root_ = above;
}

OrderTree::Node* OrderTree::InsertInto(Node* node, const Item& item) {
  if (node->is_leaf) return InsertIntoLeaf(AsLeaf(node), item);
  Inner& inner = AsInner(node);
  const uint32_t at = ChildFor(inner, item);
  Child& child = inner.children[at];
  Node* right = InsertInto(child.node, item);
  if (right == nullptr) {
    ++child.size;
    if (IsBefore(item, child.first.score, child.first.name())) child.first = item;
    return nullptr;
  }
  child = Describe(child.node);
  return InsertChild(inner, at + 1, Describe(right));
}

OrderTree::Node* OrderTree::InsertIntoLeaf(Leaf& leaf, const Item& item) {
  const Item* place = std::lower_bound(leaf.items, leaf.items + leaf.count, item,
                                       [](const Item& a, const Item& b) { return IsBefore(a, b.score, b.name()); });
  auto at = static_cast<uint32_t>(place - leaf.items);
  if (leaf.count < Leaf::kCapacity) {
    ShiftRight(leaf.items, at, leaf.count++);
    leaf.items[at] = item;
    return nullptr;
  }
  const uint32_t staying = StayingAt(at, Leaf::kCapacity);
  auto* right = New<Leaf>();
  std::copy(leaf.items + staying, leaf.items + leaf.count, right->items);
  right->count = leaf.count - staying;
  leaf.count = staying;
  const bool goes_right = at > staying || staying == Leaf::kCapacity;
  Leaf& target = goes_right ? *right : leaf;
  if (goes_right) at -= staying;
  ShiftRight(target.items, at, target.count++);
  target.items[at] = item;
  return right;
}

OrderTree::Node* OrderTree::InsertChild(Inner& inner, uint32_t at, const Child& child) {
  if (inner.count < Inner::kCapacity) {
    ShiftRight(inner.children, at, inner.count++);
    inner.children[at] = child;
    return nullptr;
  }
  const uint32_t staying = at == Inner::kCapacity ? Inner::kCapacity - 1 : Inner::kCapacity / 2;
  auto* right = New<Inner>();
  std::copy(inner.children + staying, inner.children + inner.count, right->children);
  right->count = inner.count - staying;
  inner.count = staying;
  Inner& target = at > staying ? *right : inner;
  if (at > staying) at -= staying;
  ShiftRight(target.children, at, target.count++);
  target.children[at] = child;
  return right;
}

void OrderTree::Erase(const Item& item) {
  RINGKV_CHECK(root_ != nullptr);
  EraseFrom(root_, item);
  --size_;
  while (!root_->is_leaf && root_->count == 1) {
    Node* only = AsInner(root_).children[0].node;
    Delete(root_);
    root_ = only;
  }
  if (size_ == 0) {
    Delete(root_);
    root_ = nullptr;
  }
}

void OrderTree::EraseFrom(Node* node, const Item& item) {
  if (node->is_leaf) {
    Leaf& leaf = AsLeaf(node);
    const Item* place = std::lower_bound(leaf.items, leaf.items + leaf.count, item,
                                         [](const Item& a, const Item& b) { return IsBefore(a, b.score, b.name()); });
    const auto at = static_cast<uint32_t>(place - leaf.items);
    RINGKV_CHECK(at < leaf.count && leaf.items[at].member == item.member);
    ShiftLeft(leaf.items, at, leaf.count--);
    return;
  }
  Inner& inner = AsInner(node);
  const uint32_t at = ChildFor(inner, item);
  Child& child = inner.children[at];
  EraseFrom(child.node, item);
  if (child.node->count == 0) {
    Delete(child.node);
    RemoveChild(inner, at);
    return;
  }
  --child.size;
  if (child.first.member == item.member) child.first = Describe(child.node).first;
  MergeAround(inner, at);
}

void OrderTree::RemoveChild(Inner& inner, uint32_t at) { ShiftLeft(inner.children, at, inner.count--); }

bool OrderTree::MergeNodes(Node* left, Node* right) {
  const uint32_t capacity = left->is_leaf ? Leaf::kCapacity : Inner::kCapacity;
  if (left->count + right->count > capacity - capacity / 4) return false;
  if (left->is_leaf) {
    std::copy_n(AsLeaf(right).items, right->count, AsLeaf(left).items + left->count);
  } else {
    std::copy_n(AsInner(right).children, right->count, AsInner(left).children + left->count);
  }
  left->count += right->count;
  return true;
}

void OrderTree::MergeAround(Inner& inner, uint32_t at) {
  for (uint32_t left = at == 0 ? 0 : at - 1; left <= at && left + 1 < inner.count; ++left) {
    Child& a = inner.children[left];
    const Child& b = inner.children[left + 1];
    if (!MergeNodes(a.node, b.node)) continue;
    a.size += b.size;
    Delete(b.node);
    RemoveChild(inner, left + 1);
    return;
  }
}

}  // namespace ringkv::storage
