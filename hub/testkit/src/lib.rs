//! Starts a real hub for tests.
