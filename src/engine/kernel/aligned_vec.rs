use std::fmt;
use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest vector.
const LINE: usize = 64;
/// Numbers that are allocated beyond those in use, to begin at a line.
const PADDING: usize = LINE / size_of::<f32>() - 1;

/// A contiguous growable array of `f32` that is aligned to a cache line (64 bytes), where a `Vec<f32>` is aligned to 4 bytes.
///
/// A vector of AVX-512 is as long as a line: where it is aligned, it is loaded and stored by one access to the first-level cache, and by two
/// where it is not. Memory of zeros is allocated as such: what is never written takes none.
#[derive(Default)]
pub struct AlignedVec {
    /// With `PADDING` numbers more than there is capacity for; empty without capacity.
    data: Vec<f32>,
    /// Where the first line begins.
    start: usize,
    len: usize,
}

impl AlignedVec {
    /// An empty array, which allocates nothing.
    pub const fn new() -> Self {
        Self { data: Vec::new(), start: 0, len: 0 }
    }

    /// `len` times `value`.
    pub fn filled(len: usize, value: f32) -> Self {
        if len == 0 {
            return Self::new();
        }
        let data = vec![value; len + PADDING];
        let start = data.as_ptr().addr().wrapping_neg() % LINE / size_of::<f32>();
        Self { data, start, len }
    }

    /// Changes the length; new numbers have the `value`. Beyond the capacity, exactly as much as needed is allocated.
    pub fn resize(&mut self, len: usize, value: f32) {
        let old = self.len;
        if len > self.capacity() {
            let mut grown = Self::filled(len, value);
            grown[..old].copy_from_slice(self);
            *self = grown;
            return;
        }
        self.len = len;
        if old < len {
            self[old..].fill(value);
        }
    }

    /// How many numbers it can have without another allocation.
    pub fn capacity(&self) -> usize {
        self.data.len().saturating_sub(PADDING)
    }
}

impl Deref for AlignedVec {
    type Target = [f32];

    #[inline]
    fn deref(&self) -> &[f32] {
        // SAFETY: `len` is at most the capacity, which is what `data` has beside `PADDING`, and `start` is at most that.
        unsafe { self.data.get_unchecked(self.start..self.start + self.len) }
    }
}

impl DerefMut for AlignedVec {
    #[inline]
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`.
        unsafe { self.data.get_unchecked_mut(self.start..self.start + self.len) }
    }
}

impl From<&[f32]> for AlignedVec {
    fn from(numbers: &[f32]) -> Self {
        let mut copy = Self::filled(numbers.len(), 0.0);
        copy.copy_from_slice(numbers);
        copy
    }
}

/// Not derived: in the memory of the copy, lines begin elsewhere.
impl Clone for AlignedVec {
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl PartialEq for AlignedVec {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for AlignedVec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&**self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_aligned_and_resized_like_a_vec() {
        let (mut aligned, mut plain) = (AlignedVec::new(), Vec::new());
        for (i, len) in [0, 1, 16, 17, 5, 40, 33, 48, 0, 3, 20, 1000, 7, 999].into_iter().enumerate() {
            aligned.resize(len, i as f32);
            plain.resize(len, i as f32);
            assert_eq!(*aligned, *plain, "{len}");
            assert!(aligned.capacity() >= len);
            for numbers in [&aligned, &aligned.clone()] {
                assert_eq!(numbers, &AlignedVec::from(&*plain));
                assert!(numbers.is_empty() || numbers.as_ptr().addr().is_multiple_of(LINE), "{len}");
            }
        }
        assert_eq!(format!("{aligned:?}"), format!("{plain:?}"));
        assert_eq!(*AlignedVec::filled(17, 2.5), [2.5; 17]);
    }

    #[test]
    fn as_much_as_needed_is_allocated_and_never_less() {
        let mut numbers = AlignedVec::filled(100, 1.0);
        assert_eq!(numbers.capacity(), 100);
        let memory = numbers.as_ptr();
        numbers.resize(7, 0.0);
        numbers.resize(100, 0.0);
        assert_eq!((numbers.as_ptr(), numbers.capacity()), (memory, 100));
        numbers.resize(101, 0.0);
        assert_eq!(numbers.capacity(), 101);
        assert_eq!((AlignedVec::new().capacity(), AlignedVec::filled(0, 1.0).capacity()), (0, 0));
    }
}
