//! Who acts: for the audit log.

/// Who changed something, for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What it is.
    pub kind: ActorKind,
    /// A token's or user's name, or `system`, `cli`.
    pub name: String,
    /// From which address.
    pub address: Option<String>,
}

impl Actor {
    /// Somebody on the machine itself.
    pub fn cli() -> Self {
        Self { kind: ActorKind::Cli, name: "cli".to_owned(), address: None }
    }
}

/// What an actor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// A program with a token.
    Token,
    /// A person who is signed in.
    User,
    /// Somebody on the machine itself.
    Cli,
    /// The service, without being asked.
    System,
}

impl ActorKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Token, Self::User, Self::Cli, Self::System];

    /// The word in rows, API and log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::User => "user",
            Self::Cli => "cli",
            Self::System => "system",
        }
    }

    /// What that word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.word() == word)
    }
}
