//! How many sockets the process may hold.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files to what the system allows this process, and says what it is then (`None` is without limit). Service
/// managers start with 1,024 for the sake of very old programs: a thousand charge points, and no more.
pub fn raise_limit() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "The limit of open files stays as it is");
            limit.current
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_possible_is_taken() {
        let possible = getrlimit(Resource::Nofile).maximum;
        assert_eq!(raise_limit(), possible);
        assert_eq!(getrlimit(Resource::Nofile).current, possible);
    }
}
