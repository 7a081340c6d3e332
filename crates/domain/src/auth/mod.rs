//! Roles and the permission matrix.
