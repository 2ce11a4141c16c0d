//! What is wrong with a configuration, and where.

use std::fmt;

/// Something in the configuration that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `belfry.toml:12`, or the name of an environment variable.
    pub place: String,
    /// What is wrong and what is allowed.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl Problem {
    /// The file's problems by their lines, then those of the environment by name.
    pub(super) fn order(&self) -> (bool, String, usize, String) {
        let of_a_line = self.place.rsplit_once(':').and_then(|(name, line)| {
            let line: usize = line.parse().ok()?;
            Some((name, line))
        });
        let (name, line) = of_a_line.unwrap_or((&self.place, 0));
        (of_a_line.is_none(), name.to_owned(), line, self.what.clone())
    }
}

/// Everything that is wrong with the configuration, in the order of its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration can't be used")?;
        for problem in &self.0 {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
