//! What AWS does and the local cloud does not.
