//! An error has two faces: what the user may read and what the log needs. This type is the user's face only.

/// Why a request failed, in terms a page can explain. What the log needs was logged where it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// No such thing, or not yours.
    #[error("not found")]
    NotFound,
    /// It cannot be done in this state (any more).
    #[error("conflict")]
    Conflict,
    /// Too many tries.
    #[error("too many requests")]
    TooMany,
    /// A part that we depend on does not answer; nothing was lost; try again.
    #[error("temporarily unavailable")]
    Unavailable,
    /// A defect of ours; logged.
    #[error("internal error")]
    Internal,
}
