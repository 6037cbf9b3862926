//! Events in transaction logs.

use super::{DecodeError, decode::unknown_kind, decode_account};
use crate::{Pubkey, idl, market, registry, staking};
use anchor_lang::Discriminator;
use base64::{Engine, prelude::BASE64_STANDARD};

const DATA_PREFIX: &str = "Program data: ";

macro_rules! any_event {
    ($($program:ident::$name:ident,)*) => {
        /// An event of any of the three programs.
        #[derive(Debug, Clone)]
        pub enum AnyEvent {
            $(
                #[doc = concat!("[`", stringify!($name), "`](crate::", stringify!($program), "::events::", stringify!($name), ") of the ", stringify!($program), " program.")]
                $name($program::events::$name),
            )*
        }

        impl AnyEvent {
            /// Decodes event data (discriminator and fields) that `program` emitted.
            ///
            /// # Errors
            /// If `program` is none of the three or the data is none of its events.
            pub fn decode(program: &Pubkey, data: &[u8]) -> Result<Self, DecodeError> {
                $(
                    if *program == $program::ID && data.starts_with($program::events::$name::DISCRIMINATOR) {
                        return decode_account::<$program::events::$name>(data).map(Self::$name);
                    }
                )*
                if idl::of(program).is_none() {
                    return Err(DecodeError::UnknownProgram(*program));
                }
                Err(unknown_kind(program, data))
            }

            /// Name of the event.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name),)* }
            }

            /// The program that emits this kind of event.
            pub fn program(&self) -> Pubkey {
                match self { $(Self::$name(_) => $program::ID,)* }
            }

            #[cfg(test)]
            const KINDS: &'static [(&'static str, &'static str)] = &[$((stringify!($program), stringify!($name))),*];
        }
    };
}

any_event! {
    registry::NetworkInitialized,
    registry::PauseChanged,
    registry::AttestorAdded,
    registry::ProviderRegistered,
    registry::NodeRegistered,
    registry::PriceUpdated,
    registry::NodeAttested,
    registry::NodeLeased,
    registry::NodeReleased,
    registry::ProviderConvicted,
    registry::AuthorityProposed,
    registry::AuthorityProposalCancelled,
    registry::AuthorityChanged,
    registry::GuardianChanged,
    registry::CouncilProposed,
    registry::CouncilProposalCancelled,
    registry::CouncilChanged,
    registry::AttestorUpdated,
    registry::AttestorRemoved,
    registry::AttestationRevoked,
    registry::ProviderUpdated,
    registry::ProviderClosed,
    registry::HardwareUpdated,
    registry::NodeStatusChanged,
    registry::NodeClosed,
    staking::StakingInitialized,
    staking::PoolCreated,
    staking::CommissionChanged,
    staking::Staked,
    staking::UnstakeRequested,
    staking::UnstakeCancelled,
    staking::Withdrawn,
    staking::RewardsClaimed,
    staking::Bonded,
    staking::Released,
    staking::Slashed,
    staking::RewardsDeposited,
    staking::PositionClosed,
    staking::PoolClosed,
    market::MarketInitialized,
    market::MintEnabled,
    market::JobOpened,
    market::JobCancelled,
    market::JobAssigned,
    market::JobStarted,
    market::ProofSubmitted,
    market::JobEnded,
    market::ResultAccepted,
    market::AssignmentExpired,
    market::JobSettled,
    market::TermsProposed,
    market::TermsApplied,
    market::TermsCancelled,
    market::MintUpdated,
    market::JobToppedUp,
    market::SecondsReleased,
    market::JobClaimed,
    market::AssignmentDeclined,
    market::JobEndAnnounced,
    market::DisputeOpened,
    market::VoteCast,
    market::DisputeResolved,
    market::CreditSlashed,
    market::EquivocationSlashed,
}

impl AnyEvent {
    /// Decodes one `Program data: …` line. The line does not say which program wrote it: for logs of transactions that
    /// call other programs too, [`decode_logs`] is the one to trust.
    ///
    /// # Errors
    /// [`DecodeError::NoEvent`] for any other line or an event of none of the three programs.
    pub fn decode_log(line: &str) -> Result<Self, DecodeError> {
        let data = event_data(line).ok_or(DecodeError::NoEvent)?;
        idl::ALL
            .iter()
            .find_map(|idl| Self::decode(&idl.id, &data).ok())
            .ok_or(DecodeError::NoEvent)
    }
}

/// An event with its raw data.
#[derive(Debug, Clone)]
pub struct EmittedEvent {
    /// Who emitted it, as the runtime's own log lines say.
    pub program: Pubkey,
    /// Discriminator and fields.
    pub data: Vec<u8>,
    /// The event.
    pub event: AnyEvent,
}

/// The events in a transaction's logs, in order, each attributed to the program that was running.
pub fn decode_logs<S: AsRef<str>>(logs: &[S]) -> Vec<EmittedEvent> {
    let mut stack: Vec<Pubkey> = Vec::new();
    let mut events = Vec::new();
    for line in logs {
        let line = line.as_ref();
        if let Some(data) = event_data(line) {
            let Some(program) = stack.last() else { continue };
            if let Ok(event) = AnyEvent::decode(program, &data) {
                events.push(EmittedEvent {
                    program: *program,
                    data,
                    event,
                });
            }
        } else if let Some(rest) = line.strip_prefix("Program ") {
            // Programs can print lines that look alike, but those begin with "Program log: " and the like: no key.
            let Some((program, rest)) = rest.split_once(' ') else {
                continue;
            };
            let Ok(program) = program.parse::<Pubkey>() else {
                continue;
            };
            match rest {
                rest if rest.starts_with("invoke [") => stack.push(program),
                rest if rest == "success" || rest.starts_with("failed") => {
                    stack.pop();
                }
                _ => {}
            }
        }
    }
    events
}

fn event_data(line: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(line.strip_prefix(DATA_PREFIX)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anchor_lang::Event;

    fn line() -> String {
        let event = registry::events::PriceUpdated {
            node: Pubkey::from([3; 32]),
            price_per_hour: 5,
        };
        format!("{DATA_PREFIX}{}", BASE64_STANDARD.encode(event.data()))
    }

    #[test]
    fn every_event_of_the_idls_is_known() {
        for idl in idl::ALL.iter() {
            for name in idl.events() {
                assert!(
                    AnyEvent::KINDS.contains(&(idl.name, name)),
                    "{}::{name} is missing",
                    idl.name
                );
            }
        }
    }

    #[test]
    fn a_line_decodes_and_other_lines_do_not() {
        let Ok(AnyEvent::PriceUpdated(event)) = AnyEvent::decode_log(&line()) else {
            panic!("an event")
        };
        assert_eq!(event.price_per_hour, 5);
        for other in ["Program log: hello", "Program data: !", "Program data: AAAA", ""] {
            assert_eq!(AnyEvent::decode_log(other).unwrap_err(), DecodeError::NoEvent);
        }
    }

    #[test]
    fn an_event_counts_only_from_its_own_program() {
        let (ours, other) = (registry::ID.to_string(), Pubkey::from([9; 32]).to_string());
        let nested = |outer: &str, inner: &str| {
            vec![
                format!("Program {outer} invoke [1]"),
                format!("Program {inner} invoke [2]"),
                "Program log: success".to_owned(),
                line(),
                format!("Program {inner} success"),
                format!("Program {outer} success"),
            ]
        };
        assert_eq!(decode_logs(&nested(&other, &ours)).len(), 1);
        assert_eq!(decode_logs(&nested(&ours, &other)).len(), 0);
    }

    #[test]
    fn the_idl_reads_the_same_fields() {
        let event = registry::events::PriceUpdated {
            node: Pubkey::from([3; 32]),
            price_per_hour: u64::MAX,
        };
        let (name, json) = idl::of(&registry::ID)
            .expect("the registry")
            .event_json(&event.data())
            .expect("an event");
        assert_eq!(name, "PriceUpdated");
        assert_eq!(json["price_per_hour"], u64::MAX.to_string());
        assert_eq!(json["node"], Pubkey::from([3; 32]).to_string());
    }
}
