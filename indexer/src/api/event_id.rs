//! Ids of the stream: what a client resumes from, and whether these tables gave it out (docs/decisions/event-ids.md).

use std::fmt::{self, Display, Formatter};

use sqlx::{FromRow, PgPool};

use super::Problem;

/// The id of a message: its number, and the epoch in which it was given out. Numbers go up by one, but where tables were
/// restored or emptied they are given out again, in another epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EventId {
    pub(super) epoch: i64,
    pub(super) number: i64,
}

impl Display for EventId {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

/// Where the outbox is, as somebody sees it who is at an id.
#[derive(Clone, Copy, Debug, FromRow)]
pub(super) struct Standing {
    /// The newest epoch,
    pub(super) epoch: i64,
    /// and the newest number.
    pub(super) head: i64,
    /// Whether these tables had the epoch of the id.
    known: bool,
    /// After which number the epoch began that followed it.
    next: Option<i64>,
}

impl Standing {
    /// Where the outbox is, for somebody in `epoch`.
    pub(super) async fn read(pool: &PgPool, epoch: i64) -> sqlx::Result<Self> {
        sqlx::query_as(
            "select coalesce(max(epoch), 0) as epoch, coalesce((select outbox_id from checkpoint), 0) as head, \
             coalesce(bool_or(epoch = $1), false) as known, min(after) filter (where epoch > $1) as next from feed_epoch",
        )
        .bind(epoch)
        .fetch_one(pool)
        .await
    }

    /// Whether these tables gave out the id, or would have: `None` where that is not known yet.
    pub(super) fn gave(&self, id: EventId) -> Option<bool> {
        if self.known {
            return Some(self.next.is_none_or(|next| id.number <= next));
        }
        // Where none is later, it may come yet.
        self.next.map(|_| false)
    }

    pub(super) const fn newest(&self) -> EventId {
        EventId {
            epoch: self.epoch,
            number: self.head,
        }
    }

    /// From where on everything is as these tables have it.
    pub(super) fn parting(&self) -> EventId {
        EventId {
            epoch: self.epoch,
            number: self.next.unwrap_or(self.head),
        }
    }
}

/// The epoch, if there is one, and the number that a header or a parameter holds.
pub(super) fn id_param(text: &str) -> Result<(Option<i64>, i64), Problem> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten()
    };
    let id = match text.trim().split_once('-') {
        Some((epoch, text)) => number(epoch)
            .zip(number(text))
            .map(|(epoch, number)| (Some(epoch), number)),
        None => number(text.trim()).map(|number| (None, number)),
    };
    id.ok_or_else(|| {
        Problem::bad_request(format!(
            "`{}` is no event id: pass one that the stream gave",
            text.chars().take(32).collect::<String>()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written_and_numbers_alone_are_taken() {
        let id = EventId {
            epoch: 1_763_869_415_000,
            number: 60,
        };
        assert_eq!(id_param(&id.to_string()).expect("an id"), (Some(id.epoch), 60));
        assert_eq!(id_param(" 60 ").expect("a number"), (None, 60));
        for text in [
            "",
            "-1",
            "1-",
            "-",
            "1-2-3",
            "+1",
            "1-+2",
            "9223372036854775808",
            "x",
            "1 - 2",
            "١",
        ] {
            assert!(id_param(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_id_of_tables_that_are_no_more_is_told_from_one_that_is_not_there_yet() {
        // Began after 0, 10 and 20; the newest number is 25.
        let epochs = [(100, 0), (200, 10), (300, 20)];
        let gave = |epoch, number| {
            let standing = Standing {
                epoch: 300,
                head: 25,
                known: epochs.iter().any(|(known, _)| *known == epoch),
                next: epochs.iter().find(|(later, _)| *later > epoch).map(|(_, after)| *after),
            };
            (standing.gave(EventId { epoch, number }), standing.parting().number)
        };
        assert_eq!(gave(100, 10).0, Some(true));
        // Ten more were given out before the tables went back to what they were after 10.
        assert_eq!(gave(100, 20), (Some(false), 10));
        assert_eq!(gave(200, 20).0, Some(true));
        assert_eq!(gave(200, 21), (Some(false), 20));
        assert_eq!((gave(300, 25).0, gave(300, 99).0), (Some(true), Some(true)));
        // An epoch that was lost with all of its numbers.
        assert_eq!(gave(150, 5), (Some(false), 10));
        assert_eq!(gave(250, 22), (Some(false), 20));
        assert_eq!(gave(50, 1), (Some(false), 0));
        // One that these tables do not have yet, as on a replica.
        assert_eq!(gave(400, 30).0, None);
    }
}
