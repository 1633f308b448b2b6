// SPDX-License-Identifier: MIT
// Members of a sorted set, ordered by score and name: a B+ tree with counts in its inner nodes, so the rank of a member
// and the member of a rank are found in one descent.
//
// The tree does not own the members. A member must not change its name or address while it is in the tree.
//
// Threads: guarded by the lock of the key's partition.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/entry/entry.h"

namespace ringkv::storage {

class OrderTree {
 public:
  struct Item {
    double score = 0;
    const Entry* member = nullptr;

    std::string_view name() const { return member->key(); }
  };

  OrderTree() = default;
  ~OrderTree();
  OrderTree(const OrderTree&) = delete;
  OrderTree& operator=(const OrderTree&) = delete;

  size_t size() const { return size_; }
  size_t bytes() const { return nodes_ * kNodeBytes; }

  // The item must not exist yet.
  void Insert(const Item& item);
  // The item must exist.
  void Erase(const Item& item);
  // The number of items for which `is_before` is true; it must be true for a first part of the order and false after
  // it.
  template <typename Predicate>
  size_t CountBefore(Predicate&& is_before) const;
  // Calls `visit(const Item&)` from a rank on, forward or backward, until it returns false.
  template <typename Visitor>
  void VisitFrom(size_t rank, bool downwards, Visitor&& visit) const;

  static bool IsBefore(const Item& a, double score, std::string_view name) {
    return a.score < score || (a.score == score && a.name() < name);
  }

 private:
  static constexpr size_t kNodeBytes = 1024;

  struct Node {
    uint32_t count = 0;
    bool is_leaf;
    explicit Node(bool leaf) : is_leaf(leaf) {}
  };
  struct Leaf : Node {
    static constexpr uint32_t kCapacity = (kNodeBytes - sizeof(Node)) / sizeof(Item);
    Leaf() : Node(true) {}
    Item items[kCapacity];
  };
  struct Child {
    Item first;  // the lowest item in the subtree
    uint64_t size = 0;
    Node* node = nullptr;
  };
  struct Inner : Node {
    static constexpr uint32_t kCapacity = (kNodeBytes - sizeof(Node)) / sizeof(Child);
    Inner() : Node(false) {}
    Child children[kCapacity];
  };
  static_assert(sizeof(Leaf) <= kNodeBytes && sizeof(Inner) <= kNodeBytes);

  static Leaf& AsLeaf(Node* node) { return *static_cast<Leaf*>(node); }
  static Inner& AsInner(Node* node) { return *static_cast<Inner*>(node); }
  static const Leaf& AsLeaf(const Node* node) { return *static_cast<const Leaf*>(node); }
  static const Inner& AsInner(const Node* node) { return *static_cast<const Inner*>(node); }

  // The child of an item: the last one that begins at or before it.
  static uint32_t ChildFor(const Inner& inner, const Item& item);
  static Child Describe(Node* node);
  // These return a new right sibling of the node, or null.
  Node* InsertInto(Node* node, const Item& item);
  Node* InsertIntoLeaf(Leaf& leaf, const Item& item);
  Node* InsertChild(Inner& inner, uint32_t at, const Child& child);
  void EraseFrom(Node* node, const Item& item);
  void MergeAround(Inner& inner, uint32_t at);
  // Whether the right node fits into the left one.
  static bool MergeNodes(Node* left, Node* right);
  static void RemoveChild(Inner& inner, uint32_t at);
  void Delete(Node* node);
  void DeleteBelow(Node* node);
  template <typename NodeType>
  NodeType* New() {
    ++nodes_;
    return new NodeType();
  }

  Node* root_ = nullptr;
  size_t size_ = 0;
  size_t nodes_ = 0;
};

template <typename Predicate>
size_t OrderTree::CountBefore(Predicate&& is_before) const {
  size_t before = 0;
  const Node* node = root_;
  if (node == nullptr) return 0;
  while (!node->is_leaf) {
    const Inner& inner = AsInner(node);
    uint32_t low = 0;  // children [0, low) begin before
    uint32_t high = inner.count;
    while (low < high) {
      const uint32_t middle = (low + high) / 2;
      if (is_before(inner.children[middle].first)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low == 0) return before;
    for (uint32_t i = 0; i + 1 < low; ++i) before += inner.children[i].size;
    node = inner.children[low - 1].node;
  }
  const Leaf& leaf = AsLeaf(node);
  uint32_t low = 0;
  uint32_t high = leaf.count;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    if (is_before(leaf.items[middle])) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return before + low;
}

template <typename Visitor>
void OrderTree::VisitFrom(size_t rank, bool downwards, Visitor&& visit) const {
  while (rank < size_) {
    const Node* node = root_;
    size_t in_node = rank;
    while (!node->is_leaf) {
      const Inner& inner = AsInner(node);
      uint32_t i = 0;
      while (in_node >= inner.children[i].size) in_node -= inner.children[i++].size;
      node = inner.children[i].node;
    }
    const Leaf& leaf = AsLeaf(node);
    if (downwards) {
      for (size_t i = in_node + 1; i-- > 0;) {
        if (!visit(leaf.items[i])) return;
      }
      if (rank <= in_node) return;
      rank -= in_node + 1;
    } else {
      for (size_t i = in_node; i < leaf.count; ++i) {
        if (!visit(leaf.items[i])) return;
      }
      rank += leaf.count - in_node;
    }
  }
}

}  // namespace ringkv::storage
