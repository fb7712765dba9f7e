//! A list that allocates only when it has more than a few elements.

/// How many elements need no allocation.
const INLINE: usize = 4;

/// A list of a few elements; made, filled and read once.
pub(super) struct Few<T> {
    inline: [Option<T>; INLINE],
    len: usize,
    more: Vec<Option<T>>,
}

impl<T> Few<T> {
    pub(super) fn new() -> Self {
        Self {
            inline: [const { None }; INLINE],
            len: 0,
            more: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, value: T) {
        if self.len < INLINE {
            self.inline[self.len] = Some(value);
        } else {
            if self.len == INLINE {
                self.more.extend(self.inline.iter_mut().map(Option::take));
            }
            self.more.push(Some(value));
        }
        self.len += 1;
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All elements, in the order in which they were pushed.
    pub(super) fn as_mut_slice(&mut self) -> &mut [Option<T>] {
        if self.len <= INLINE {
            &mut self.inline[..self.len]
        } else {
            &mut self.more
        }
    }
}
