//! What loading does about secrets.

/// Whether loading looks for the secrets too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Each has to be where the configuration says, and of the right form.
    Checked,
    /// They are somewhere else: on the machine that will run this.
    Unchecked,
}
