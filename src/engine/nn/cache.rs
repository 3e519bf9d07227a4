//! What a layer saves between `forward` and `backward`: one type a layer, defined beside the layer with [`layer_cache!`].

use std::fmt;

use crate::kernel::NonzeroEntry;

/// Activations and scratch buffers of one layer and one shard. Memory is reused from step to step: the same shapes allocate nothing.
pub trait Cache: fmt::Debug + Default + Send {
    /// Bytes of memory in use.
    fn bytes(&self) -> usize;
}

/// The cache of a layer that needs none.
impl Cache for () {
    fn bytes(&self) -> usize {
        0
    }
}

impl Cache for Vec<NonzeroEntry> {
    fn bytes(&self) -> usize {
        self.capacity() * size_of::<NonzeroEntry>()
    }
}

/// Defines a layer's cache: named buffers, each of which counts its `bytes()`.
macro_rules! layer_cache {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $name {
            $($(#[$field_doc])* pub(in crate::nn) $field: $ty,)*
        }

        impl crate::nn::cache::Cache for $name {
            fn bytes(&self) -> usize {
                #[allow(unused_imports)] // not every cache has a field whose `bytes` is the trait's
                use crate::nn::cache::Cache as _;
                0 $(+ self.$field.bytes())*
            }
        }
    };
}
pub(in crate::nn) use layer_cache;
