//! When each push is due, at its very second.

use gantry_matcher::keeper::{Push, due};
use gantry_sdk::market::accounts::{Dispute, Job, MarketParams};
use gantry_sdk::registry::accounts::Network;
use gantry_sdk::state::RESULT_ACCEPTED;

const CREATED: i64 = 1_000;

fn zeroed<T: anchor_lang::AnchorDeserialize>() -> T {
    T::deserialize(&mut [0u8; 1_024].as_slice()).expect("zeros are a value")
}

fn market() -> MarketParams {
    let mut market: MarketParams = zeroed();
    market.terms.dispute_window = 30;
    market.terms.open_timeout = 500;
    market
}

fn job(status: u8) -> Job {
    Job {
        status,
        created_at: CREATED,
        active_at: 10,
        started_at: 10,
        max_duration: 100,
        start_deadline: 60,
        proof_timeout: 20,
        ..zeroed()
    }
}

/// The first second at which `job` is due for `push`, and that it is due for nothing before.
fn first(job: &Job, push: Push) -> i64 {
    let found = (CREATED..CREATED + 2_000).find_map(|now| due(job, None, &market(), now).map(|push| (now, push)));
    let (now, found) = found.expect("due some time");
    assert_eq!(found, push);
    now - CREATED
}

#[test]
fn each_push_is_due_when_the_market_takes_it() {
    assert_eq!(first(&job(0), Push::Cancel), 500);
    assert_eq!(first(&job(1), Push::Expire), 10 + 60 + 1);
    assert_eq!(first(&job(2), Push::Lapse), 10 + 20 + 1);
    let ended = Job { ended_at: 50, ..job(3) };
    assert_eq!(first(&ended, Push::Settle), 50 + 30);
    assert_eq!(first(&Job { status: 4, ..ended }, Push::Settle), 50 + 30);
    assert_eq!(
        first(
            &Job {
                options: RESULT_ACCEPTED,
                ..ended
            },
            Push::Settle
        ),
        0
    );
}

#[test]
fn a_job_that_is_proven_on_and_on_ends_too() {
    let proven = Job {
        active_at: 1_500,
        ..job(2)
    };
    assert_eq!(first(&proven, Push::Lapse), 10 + 100 + 20 + 1);
}

fn council() -> Network {
    Network {
        arbiter_count: 3,
        arbiter_threshold: 2,
        ..zeroed()
    }
}

fn voted(votes: &[(u16, u16)]) -> Dispute {
    let mut dispute = Dispute {
        deadline: CREATED + 700,
        ..zeroed()
    };
    for (place, (share, slash)) in dispute.votes.iter_mut().zip(votes) {
        (place.cast, place.provider_share_bps, place.slash_bps) = (1, *share, *slash);
    }
    dispute
}

#[test]
fn a_dispute_is_due_with_a_verdict_or_at_its_deadline() {
    let (job, market, council) = (job(5), market(), council());
    let due_at = |dispute: &Dispute, now| due(&job, Some((dispute, &council)), &market, CREATED + now);
    for undecided in [
        &[][..],
        &[(5_000, 0)],
        &[(5_000, 0), (5_000, 1)],
        &[(0, 0), (1, 0), (2, 0)],
    ] {
        let dispute = voted(undecided);
        assert_eq!(due_at(&dispute, 699), None, "{undecided:?}");
        assert_eq!(due_at(&dispute, 700), Some(Push::Resolve), "{undecided:?}");
    }
    assert_eq!(
        due_at(&voted(&[(7, 0), (5_000, 1), (5_000, 1)]), 0),
        Some(Push::Resolve)
    );
    // Votes at places that the council does not have count for nothing.
    let mut beyond = voted(&[(0, 0), (1, 0), (2, 0), (2, 0)]);
    assert_eq!(due_at(&beyond, 0), None);
    // Nor does a place that nobody has voted at, though it has zeros like a vote.
    beyond.votes[1].cast = 0;
    (beyond.votes[1].provider_share_bps, beyond.votes[1].slash_bps) = (0, 0);
    assert_eq!(due_at(&beyond, 0), None);
    assert_eq!(
        due(&job, None, &market, i64::MAX),
        None,
        "a dispute that is not known yet"
    );
}
