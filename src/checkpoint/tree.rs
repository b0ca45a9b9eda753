//! The Merkle tree over the log's entries.

use sha2::{Digest, Sha256};

use super::Hash;

/// What is hashed before a leaf, and before two nodes: no leaf can be taken for a node (RFC 6962,
/// section 2.1).
const LEAF: [u8; 1] = [0];
const NODE: [u8; 1] = [1];

/// A Merkle tree that grows at its right edge. It keeps the roots of the complete trees that it is
/// made of, one for each bit of its size that is set, so it stays small however many leaves it has.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    size: u64,
    /// From left to right, each smaller than the one before.
    complete: Vec<Hash>,
}

impl Tree {
    /// Adds a leaf.
    pub fn add(&mut self, leaf: &[u8]) {
        let mut hash = hash(&[&LEAF, leaf]);
        // Each bit that is carried joins two trees of one size.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.complete.pop() {
                hash = node(&left, &hash);
            }
        }
        self.complete.push(hash);
        self.size += 1;
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hash over all of them.
    pub fn root(&self) -> Hash {
        let joined = self.complete.iter().rev().copied();
        let joined = joined.reduce(|right, left| node(&left, &right));
        joined.unwrap_or_else(|| hash(&[]))
    }
}

fn node(left: &Hash, right: &Hash) -> Hash {
    hash(&[&NODE, left, right])
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The leaves and roots with which implementations of RFC 6962 are tested:
    /// <https://github.com/google/certificate-transparency>, `merkle_tree_test.cc`.
    #[test]
    fn the_roots_are_those_of_rfc_6962() {
        let leaves = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::default();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex::encode(tree.root()), empty);
        for (leaf, root) in leaves.iter().zip(roots) {
            tree.add(&hex::decode(leaf).unwrap());
            assert_eq!(hex::encode(tree.root()), root, "{} leaves", tree.size());
        }
    }

    /// The definition, which needs all leaves at once.
    fn defined(leaves: &[u8]) -> Hash {
        match leaves {
            [] => hash(&[]),
            [leaf] => hash(&[&LEAF, &[*leaf]]),
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node(&defined(left), &defined(right))
            }
        }
    }

    #[test]
    fn a_tree_that_grows_has_the_root_that_is_defined_and_stays_small() {
        let mut tree = Tree::default();
        for size in 1..=255_u8 {
            tree.add(&[size]);
            let leaves: Vec<u8> = (1..=size).collect();
            assert_eq!(tree.root(), defined(&leaves), "{size} leaves");
            assert_eq!(tree.complete.len(), size.count_ones() as usize);
        }
    }
}
