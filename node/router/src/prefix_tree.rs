//! A persistent tree of byte strings that answers: which keys are prefixes of this text?
//!
//! Like a filing cabinet labelled by beginnings: the drawer `/a` holds the folder `pi`, which
//! holds `/v1`. Reading a text means opening drawers as long as their label agrees with what is
//! left of the text, and every folder opened on the way is a prefix of it. The number of keys in
//! the cabinet does not matter, only the length of the text.
//!
//! The tree is a value. A clone shares all nodes; an edit copies the nodes on the way to its key
//! if, and only if, somebody else still looks at them ([`Arc::make_mut`]). So an edit of a shared
//! tree costs the depth of one key, and filling a fresh tree copies nothing at all.
//!
//! A node without a value and with a single child is merged with that child, so that a tree from
//! which keys were removed looks exactly like one that never had them.

use std::fmt;
use std::sync::Arc;

use crate::label::Label;

/// A persistent map from byte strings to `V` that finds all prefixes of a text in one walk.
pub(crate) struct PrefixTree<V> {
    root: Option<Arc<Node<V>>>,
}

#[derive(Clone)]
struct Node<V> {
    label: Label,
    value: Option<V>,
    /// Sorted by `first`; the byte is kept beside the pointer so that a search touches one line
    /// of memory instead of one per child.
    children: Vec<Child<V>>,
}

struct Child<V> {
    first: u8,
    node: Arc<Node<V>>,
}

impl<V> Clone for PrefixTree<V> {
    fn clone(&self) -> Self {
        PrefixTree {
            root: self.root.clone(),
        }
    }
}

impl<V> Clone for Child<V> {
    fn clone(&self) -> Self {
        Child {
            first: self.first,
            node: Arc::clone(&self.node),
        }
    }
}

impl<V> Default for PrefixTree<V> {
    fn default() -> Self {
        PrefixTree { root: None }
    }
}

impl<V> fmt::Debug for PrefixTree<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrefixTree")
            .field("empty", &self.is_empty())
            .finish_non_exhaustive()
    }
}

impl<V> PrefixTree<V> {
    /// Whether no key has a value.
    pub(crate) fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Every key that is a prefix of `text`, shortest first, with its length and value.
    pub(crate) fn prefixes_of<X: Text>(&self, text: X) -> Prefixes<'_, V, X> {
        Prefixes {
            node: self.root.as_deref(),
            text,
            length: 0,
        }
    }
}

impl<V: Clone> PrefixTree<V> {
    /// Lets `change` see and replace the value at `key`; leaving `None` removes the key.
    pub(crate) fn edit(&mut self, key: &[u8], change: impl FnOnce(&mut Option<V>)) {
        let root = self.root.get_or_insert_with(|| Arc::new(Node::leaf(key)));
        edit(root, key, change);
        if root.is_bare() {
            self.root = None;
        }
    }
}

/// Edits the value at `rest` in or below `node`, whose label may have to be split for it.
fn edit<V: Clone>(node: &mut Arc<Node<V>>, rest: &[u8], change: impl FnOnce(&mut Option<V>)) {
    let node = Arc::make_mut(node);
    let shared = shared_length(&node.label, rest);
    if shared < node.label.len() {
        node.split(shared);
    }
    match &rest[shared..] {
        [] => change(&mut node.value),
        below => node.edit_child(below, change),
    }
    node.merge_only_child();
}

impl<V> Node<V> {
    fn leaf(label: &[u8]) -> Self {
        Node {
            label: label.into(),
            value: None,
            children: Vec::new(),
        }
    }

    fn position(&self, first: u8) -> Result<usize, usize> {
        self.children.binary_search_by_key(&first, |child| child.first)
    }

    /// Whether neither this node nor anything below it has a value.
    fn is_bare(&self) -> bool {
        self.value.is_none() && self.children.is_empty()
    }

    /// Keeps the first `at` bytes of the label here and moves everything else one level down.
    fn split(&mut self, at: usize) {
        let lower = Node {
            label: self.label[at..].into(),
            value: self.value.take(),
            children: std::mem::take(&mut self.children),
        };
        self.label = self.label[..at].into();
        self.children.push(Child {
            first: lower.label[0],
            node: Arc::new(lower),
        });
    }
}

impl<V: Clone> Node<V> {
    /// Edits below the child that `rest`, which is not empty, leads to; the child is added when it
    /// is missing and removed when the edit leaves it bare.
    fn edit_child(&mut self, rest: &[u8], change: impl FnOnce(&mut Option<V>)) {
        let first = rest[0];
        let at = self.position(first).unwrap_or_else(|at| {
            self.children.insert(
                at,
                Child {
                    first,
                    node: Arc::new(Node::leaf(rest)),
                },
            );
            at
        });
        edit(&mut self.children[at].node, rest, change);
        if self.children[at].node.is_bare() {
            self.children.remove(at);
        }
    }

    /// A node that only passes through to a single child takes the child's place.
    fn merge_only_child(&mut self) {
        if let (None, [only]) = (&self.value, self.children.as_slice()) {
            let mut merged = Node::clone(&only.node);
            merged.label = Label::joined(&self.label, &merged.label);
            *self = merged;
        }
    }
}

fn shared_length(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

/// A text that can be consumed label by label, in reading order or against it.
pub(crate) trait Text: Copy {
    /// The next byte.
    fn first(self) -> Option<u8>;
    /// What is left after `label`, when the text goes on with it.
    fn after(self, label: &[u8]) -> Option<Self>;
}

/// A text read from its beginning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forward<'t>(pub(crate) &'t [u8]);

/// A text read from its end: suffixes are prefixes of it, without a reversed copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backward<'t>(pub(crate) &'t [u8]);

impl Text for Forward<'_> {
    fn first(self) -> Option<u8> {
        self.0.first().copied()
    }

    fn after(self, label: &[u8]) -> Option<Self> {
        self.0.strip_prefix(label).map(Forward)
    }
}

impl Text for Backward<'_> {
    fn first(self) -> Option<u8> {
        self.0.last().copied()
    }

    fn after(self, label: &[u8]) -> Option<Self> {
        let left = self.0.len().checked_sub(label.len())?;
        let (rest, tail) = self.0.split_at(left);
        tail.iter().rev().eq(label).then_some(Backward(rest))
    }
}

/// The walk behind [`PrefixTree::prefixes_of`].
pub(crate) struct Prefixes<'t, V, X> {
    /// Where the walk goes on; its label is yet to be compared.
    node: Option<&'t Node<V>>,
    text: X,
    length: usize,
}

impl<'t, V, X: Text> Iterator for Prefixes<'t, V, X> {
    type Item = (usize, &'t V);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(node) = self.node.take() {
            self.text = self.text.after(&node.label)?;
            self.length += node.label.len();
            let below = self.text.first().and_then(|first| node.position(first).ok());
            self.node = below.map(|at| &*node.children[at].node);
            if let Some(value) = &node.value {
                return Some((self.length, value));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree(keys: &[&str]) -> PrefixTree<String> {
        let mut tree = PrefixTree::default();
        for key in keys {
            tree.edit(key.as_bytes(), |slot| *slot = Some((*key).to_string()));
        }
        tree
    }

    fn prefixes(tree: &PrefixTree<String>, text: &str) -> Vec<String> {
        tree.prefixes_of(Forward(text.as_bytes()))
            .map(|(_, key)| key.clone())
            .collect()
    }

    #[test]
    fn a_walk_meets_every_prefix_from_short_to_long() {
        let tree = tree(&["", "/", "/api", "/apple", "/api/v1", "/b"]);
        assert_eq!(prefixes(&tree, "/api/v1/x"), ["", "/", "/api", "/api/v1"]);
        assert_eq!(prefixes(&tree, "/ap"), ["", "/"]);
    }

    #[test]
    fn a_text_read_backwards_meets_its_suffixes() {
        let mut tree = PrefixTree::default();
        tree.edit(b"tset.", |slot| *slot = Some(1));
        tree.edit(b"tset.a.", |slot| *slot = Some(2));
        let met: Vec<_> = tree.prefixes_of(Backward(b"x.a.test")).collect();
        assert_eq!(met, [(5, &1), (7, &2)]);
    }

    #[test]
    fn an_edit_of_a_clone_leaves_the_original_as_it_was() {
        let old = tree(&["/a", "/ab"]);
        let mut new = old.clone();
        new.edit(b"/ab", |slot| *slot = None);
        new.edit(b"/abc", |slot| *slot = Some("/abc".into()));
        assert_eq!(prefixes(&old, "/abc"), ["/a", "/ab"]);
        assert_eq!(prefixes(&new, "/abc"), ["/a", "/abc"]);
    }

    #[test]
    fn a_tree_that_lost_all_keys_is_empty() {
        let mut tree = tree(&["/a", "/ab", "/b"]);
        for key in ["/ab", "/a", "/b"] {
            tree.edit(key.as_bytes(), |slot| *slot = None);
        }
        assert!(tree.is_empty());
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_set_of_keys(
            edits in proptest::collection::vec(("[ab]{0,5}", any::<bool>()), 0..40),
            text in "[ab]{0,8}",
        ) {
            let mut model = std::collections::BTreeSet::new();
            let mut tree = PrefixTree::default();
            for (key, add) in &edits {
                if *add { model.insert(key.clone()); } else { model.remove(key); }
                tree.edit(key.as_bytes(), |slot| *slot = add.then(|| key.clone()));
            }
            let mut expected: Vec<_> = model.into_iter().filter(|key| text.starts_with(key)).collect();
            expected.sort_by_key(String::len);
            prop_assert_eq!(prefixes(&tree, &text), expected);
        }
    }
}
