//! Disputes over jobs.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};
use utoipa::ToSchema;

use super::list::{Column, Listing, Source, list_params, one};
use super::page::Answer;
use super::problem::{Address, Missing, Refusals};
use super::row::{json, text};
use super::{Amount, Api, Envelope, Params, SlotParams};

/// An arbiter's vote.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Vote {
    /// Place of the arbiter in the council, from 0.
    pub arbiter: i32,
    /// Share of the bill that the provider keeps, basis points.
    pub provider_share_bps: i32,
    /// Share of the job's bond that is slashed, basis points.
    pub slash_bps: i32,
}

/// A dispute.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Dispute {
    /// Its account.
    pub address: String,
    /// The job.
    pub job: String,
    /// Who opened it.
    pub opener: String,
    /// Bond of the opener.
    pub bond: Amount,
    /// SHA-256 of the reason, hex.
    pub reason_hash: String,
    /// When it was opened, Unix seconds.
    pub opened_at: i64,
    /// When it ends without a verdict, Unix seconds.
    pub deadline: i64,
    /// The votes that were cast.
    pub votes: Vec<Vote>,
    /// Whether it is over and its account gone.
    pub closed: bool,
    /// Slot of its last change.
    pub changed_at_slot: i64,
}

/// As the table keeps it.
#[derive(Deserialize)]
struct StoredVote {
    cast: u8,
    provider_share_bps: i32,
    slash_bps: i32,
}

impl FromRow<'_, PgRow> for Dispute {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        let votes: Vec<StoredVote> = json(row, "votes_text")?;
        let votes = (0..).zip(votes).filter(|(_, vote)| vote.cast == 1);
        let votes = votes.map(|(arbiter, vote)| Vote {
            arbiter,
            provider_share_bps: vote.provider_share_bps,
            slash_bps: vote.slash_bps,
        });
        Ok(Self {
            address: text(row, "address")?,
            job: text(row, "job")?,
            opener: text(row, "opener")?,
            bond: Amount::new(
                row.try_get("bond")?,
                row.try_get("job_mint")?,
                row.try_get("mint_decimals")?,
            ),
            reason_hash: hex::encode(row.try_get::<&[u8], _>("reason_hash")?),
            opened_at: row.try_get("opened_at")?,
            deadline: row.try_get("deadline")?,
            votes: votes.collect(),
            closed: row.try_get("closed")?,
            changed_at_slot: row.try_get("slot")?,
        })
    }
}

const DISPUTES: Source = Source {
    columns: "t.*, t.votes::text as votes_text, j.mint as job_mint, m.decimals as mint_decimals",
    from: "dispute t left join job j on j.address = t.job left join payment_mint m on m.mint = j.mint where true",
    sorts: &[Column::Integer("opened_at"), Column::Integer("deadline")],
    default: "-opened_at",
};

list_params! {
    /// Filters of `/v1/disputes`.
    DisputeParams, sorts = "^-?(address|opened_at|deadline)$",
    {
        /// The job.
        #[param(format = "base58")]
        job: Option<String>,
        /// Who opened it.
        #[param(format = "base58")]
        opener: Option<String>,
        /// The customer of the job.
        #[param(format = "base58")]
        customer: Option<String>,
        /// The provider account of the job's node.
        #[param(format = "base58")]
        provider: Option<String>,
        /// Only those that are over, or only the others.
        closed: Option<bool>,
    }
}

/// Disputes; the newest first unless `sort` says otherwise.
#[utoipa::path(get, path = "/v1/disputes", tag = "jobs", params(DisputeParams),
    responses((status = 200, description = "Disputes", body = Envelope<Vec<Dispute>>), Refusals))]
pub(super) async fn disputes(State(api): State<Api>, Params(params): Params<DisputeParams>) -> Answer<Vec<Dispute>> {
    let mut list = Listing::of(&DISPUTES, &params.paging())?;
    list.with_key("t.job", "job", params.job.as_ref())?;
    list.with_key("t.opener", "opener", params.opener.as_ref())?;
    list.with_key("j.customer", "customer", params.customer.as_ref())?;
    list.with_key("j.provider", "provider", params.provider.as_ref())?;
    if let Some(closed) = params.closed {
        list.query().push(" and t.closed = ").push_bind(closed);
    }
    list.answer(&api).await
}

/// One dispute, by the address of its account.
#[utoipa::path(get, path = "/v1/disputes/{address}", tag = "jobs",
    params(("address" = String, Path, format = "base58", description = "Address of the account, 32 bytes in base58"), SlotParams),
    responses((status = 200, description = "The dispute", body = Envelope<Dispute>), Refusals, Missing))]
pub(super) async fn dispute(
    State(api): State<Api>,
    Address(address): Address,
    Params(params): Params<SlotParams>,
) -> Answer<Dispute> {
    one(&api, &DISPUTES, "dispute", &address, params.min_slot).await
}
