//! Work that waits for files, networks or other processes, off the async threads.

use crate::store::StoreError;

/// Runs `work` on a thread that may wait; a panic of it goes on in the caller.
///
/// # Errors
/// [`StoreError::Closed`]: the runtime stopped before the work began.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
        Err(_) => Err(StoreError::Closed),
    }
}
