//! The customer's side of a job, and what anyone may push forward.

use super::{ClientError, Gantry};
use crate::{
    AnySigner, Keypair, Pubkey, Signature,
    blob::BlobStore,
    ix,
    live_log::{LogPlace, LogReader},
    manifest::ResultManifest,
    market::accounts::{Job, PaymentMint},
    pda,
    seal::{Context, Opener, Sealer},
    spec::PreparedSpec,
};
use gantry_core::billing;

/// Network pause bit for new jobs.
const PAUSED_JOBS: u8 = 1;

/// A job to open.
#[derive(Debug, Clone, Copy)]
pub struct OpenJob<'a> {
    /// What it runs. Its blobs must be in the store that nodes read.
    pub spec: &'a PreparedSpec,
    /// The mint it pays in; `None` where only one is enabled.
    pub mint: Option<Pubkey>,
    /// The only node account that may serve it.
    pub node: Option<Pubkey>,
    /// The only wallet that may assign it.
    pub matcher: Option<Pubkey>,
    /// Its number with this customer, for callers that try again after a crash; `None` for the next one.
    pub id: Option<u64>,
}

impl<'a> OpenJob<'a> {
    /// A job for any node and matcher, in the only mint that is enabled.
    pub fn new(spec: &'a PreparedSpec) -> Self {
        Self {
            spec,
            mint: None,
            node: None,
            matcher: None,
            id: None,
        }
    }
}

/// An opened job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenedJob {
    /// The job account.
    pub address: Pubkey,
    /// Its number with this customer.
    pub id: u64,
    /// The mint it pays in.
    pub mint: Pubkey,
    /// Decimals of that mint.
    pub decimals: u8,
    /// Base units deposited.
    pub deposited: u64,
    /// The transaction that opened it; `None` where it was open already.
    pub signature: Option<Signature>,
}

impl Gantry {
    /// Opens a job of `wallet` and deposits for it. Everything that the market would refuse is refused before anything
    /// is sent. With [`OpenJob::id`] set, calling again is harmless: the job with that number is opened once.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::{blob::BlobStore, client::OpenJob, spec::JobSpec};
    ///
    /// let blobs = BlobStore::open(".gantry/network/blobs")?;
    /// let spec = JobSpec::load("examples/quick.json".as_ref())?;
    /// let prepared = spec.prepare("examples".as_ref(), &blobs).await?;
    /// let job = gantry.open_job(wallet, OpenJob::new(&prepared)).await?;
    /// println!("job {} deposits {} base units", job.address, job.deposited);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::MintNotEnabled`], [`ClientError::OutOfBounds`], [`ClientError::Unfunded`],
    /// [`ClientError::InsufficientTokens`], [`ClientError::Paused`]; as [`send`](Self::send).
    pub async fn open_job(&self, wallet: &AnySigner, request: OpenJob<'_>) -> Result<OpenedJob, ClientError> {
        let owner = wallet.pubkey();
        let mint = self.enabled_mint(request.mint).await?;
        let next = self.customer(&owner).await?.map_or(0, |customer| customer.next_job_id);
        let id = request.id.unwrap_or(next);
        if id < next {
            return self.opened_before(&owner, id, request.spec, &mint).await;
        }
        if id > next {
            let problem = format!("{id} is not this wallet's next job number, which is {next}");
            return Err(ClientError::OutOfBounds { field: "id", problem });
        }
        let mut args = request.spec.job_args(id, mint.decimals)?;
        args.node = request.node.unwrap_or_default();
        args.matcher = request.matcher.unwrap_or_default();
        self.check_terms(&args, &mint).await?;
        let deposited =
            billing::deposit(args.max_price_per_hour, args.max_duration).ok_or_else(|| ClientError::OutOfBounds {
                field: "max_price_per_hour",
                problem: "times the duration is too large".into(),
            })?;
        self.require_sol(&owner).await?;
        let mint_ref = ix::MintRef {
            mint: mint.mint,
            token_program: mint.token_program,
        };
        let source = self.require_tokens(&owner, &mint_ref, deposited).await?;
        let signature = self
            .send(&[ix::open_job(&owner, &owner, mint_ref, &source, args)], wallet, &[])
            .await?;
        Ok(OpenedJob {
            address: pda::job(&owner, id),
            id,
            mint: mint.mint,
            decimals: mint.decimals,
            deposited,
            signature: Some(signature),
        })
    }

    async fn opened_before(
        &self,
        owner: &Pubkey,
        id: u64,
        spec: &PreparedSpec,
        mint: &PaymentMint,
    ) -> Result<OpenedJob, ClientError> {
        let address = pda::job(owner, id);
        let Some(job) = self.job(&address).await? else {
            let problem =
                format!("job {id} of this wallet was opened and is closed: leave the number out for a new job");
            return Err(ClientError::OutOfBounds { field: "id", problem });
        };
        if job.spec_hash != spec.hash() {
            let problem = format!("job {id} of this wallet runs another spec: leave the number out for a new job");
            return Err(ClientError::OutOfBounds { field: "id", problem });
        }
        let (mint, decimals) = (job.mint, mint.decimals);
        Ok(OpenedJob {
            address,
            id,
            mint,
            decimals,
            deposited: job.deposited,
            signature: None,
        })
    }

    /// The payment mint to use: `wanted`, or the only one there is.
    ///
    /// ```no_run
    /// # use gantry_sdk::Gantry;
    /// # async fn example(gantry: Gantry) -> Result<(), Box<dyn std::error::Error>> {
    /// let mint = gantry.enabled_mint(None).await?;
    /// println!("jobs are paid in {}, with {} decimals", mint.mint, mint.decimals);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::MintNotEnabled`] for one that jobs cannot be paid in; [`ClientError::OutOfBounds`] where none was
    /// named and there is no single one.
    pub async fn enabled_mint(&self, wanted: Option<Pubkey>) -> Result<PaymentMint, ClientError> {
        let mints = self.payment_mints().await?;
        let mut enabled: Vec<PaymentMint> = mints
            .into_iter()
            .map(|(_, mint)| mint)
            .filter(|m| m.enabled == 1)
            .collect();
        let keys: Vec<Pubkey> = enabled.iter().map(|mint| mint.mint).collect();
        match (wanted, enabled.len()) {
            (None, 1) => Ok(enabled.remove(0)),
            (None, 0) => {
                let problem = "no payment mint is enabled on this network yet".to_owned();
                Err(ClientError::OutOfBounds { field: "mint", problem })
            }
            (None, _) => {
                let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
                let problem = format!("several payment mints are enabled, name one of {}", names.join(", "));
                Err(ClientError::OutOfBounds { field: "mint", problem })
            }
            (Some(mint), _) => match enabled.into_iter().find(|candidate| candidate.mint == mint) {
                Some(found) => Ok(found),
                None => Err(ClientError::MintNotEnabled { mint, enabled: keys }),
            },
        }
    }

    /// What `open_job` would refuse about the terms, in the words of the spec.
    async fn check_terms(&self, args: &ix::JobArgs, mint: &PaymentMint) -> Result<(), ClientError> {
        let missing = |address: Pubkey| ClientError::NotFound {
            what: "market set-up at",
            address: address.to_string(),
        };
        let network = self.network().await?.ok_or_else(|| missing(pda::network()))?;
        if network.paused & PAUSED_JOBS != 0 {
            return Err(ClientError::Paused("new jobs"));
        }
        let terms = self
            .market_params()
            .await?
            .ok_or_else(|| missing(pda::market_params()))?
            .terms;
        let within = |field: &'static str, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(ClientError::OutOfBounds {
                field,
                problem: format!("{value} is outside {least} to {most} on this network"),
            })
        };
        within(
            "max_duration_seconds",
            args.max_duration.into(),
            1,
            terms.max_duration.into(),
        )?;
        let (least, most) = (terms.min_start_deadline, terms.max_start_deadline);
        within(
            "start_deadline_seconds",
            args.start_deadline.into(),
            least.into(),
            most.into(),
        )?;
        let (least, most) = (terms.min_proof_timeout, terms.max_proof_timeout);
        within(
            "proof_timeout_seconds",
            args.proof_timeout.into(),
            least.into(),
            most.into(),
        )?;
        if args.max_price_per_hour < mint.minimum_price {
            let least = crate::amount::format(mint.minimum_price, mint.decimals);
            let problem = format!("is below this mint's minimum of {least} per hour");
            return Err(ClientError::OutOfBounds {
                field: "max_price_per_hour",
                problem,
            });
        }
        Ok(())
    }

    /// The job at `address`.
    ///
    /// ```no_run
    /// # use gantry_sdk::{Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// let job = gantry.require_job(&job).await?;
    /// println!("{} s of {} s proven", job.served_seconds, job.max_duration);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::NotFound`] where there is none, or none any more.
    pub async fn require_job(&self, address: &Pubkey) -> Result<Job, ClientError> {
        let job = self.job(address).await?;
        job.ok_or_else(|| ClientError::NotFound {
            what: "open job at",
            address: address.to_string(),
        })
    }

    /// Closes an open job of `wallet` and takes the deposit back.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.cancel_job(wallet, &job).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn cancel_job(&self, wallet: &AnySigner, address: &Pubkey) -> Result<Signature, ClientError> {
        let job = self.require_job(address).await?;
        let mint = self.mint_of(&job).await?;
        let token =
            ix::token::create_associated_account(&wallet.pubkey(), &job.customer, &job.mint, &mint.token_program);
        let destination = pda::associated_token(&job.customer, &job.mint, &mint.token_program);
        self.send(
            &[token, ix::cancel_job(&wallet.pubkey(), &job, &mint, &destination)],
            wallet,
            &[],
        )
        .await
    }

    /// Ends a running job of `wallet` now.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// // What is proven until now is paid, the rest comes back.
    /// gantry.stop_job(wallet, &job).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn stop_job(&self, wallet: &AnySigner, address: &Pubkey) -> Result<Signature, ClientError> {
        let job = self.own_job(wallet, address).await?;
        self.send(&[ix::stop_job(&job)], wallet, &[]).await
    }

    /// Accepts the result of a finished job of `wallet`, so that it can be settled at once.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::blob::BlobStore;
    ///
    /// let blobs = BlobStore::open(".gantry/network/blobs")?;
    /// gantry.result(&job, &blobs).await?.save(&blobs, "result".as_ref()).await?;
    /// gantry.accept_result(wallet, &job).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn accept_result(&self, wallet: &AnySigner, address: &Pubkey) -> Result<Signature, ClientError> {
        let job = self.own_job(wallet, address).await?;
        self.send(&[ix::accept_result(&job)], wallet, &[]).await
    }

    /// The manifest of a job's result, also after the job was closed.
    ///
    /// ```no_run
    /// # use gantry_sdk::{Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::blob::BlobStore;
    ///
    /// let blobs = BlobStore::open(".gantry/network/blobs")?;
    /// let result = gantry.result(&job, &blobs).await?;
    /// println!("exit code {}, {} outputs", result.exit_code, result.outputs.len());
    /// result.save(&blobs, "result".as_ref()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::NotFound`] for a job without a result; [`ClientError::Manifest`] where it is missing or damaged.
    pub async fn result(&self, address: &Pubkey, blobs: &BlobStore) -> Result<ResultManifest, ClientError> {
        let digest = self.output_digest(address).await?;
        Ok(ResultManifest::fetch(blobs, &digest).await?)
    }

    async fn output_digest(&self, address: &Pubkey) -> Result<[u8; 32], ClientError> {
        let digest = match self.job(address).await? {
            Some(job) if job.output_digest != [0; 32] => Some(job.output_digest),
            _ => self.job_history(address).await?.output_digest(),
        };
        digest.ok_or_else(|| ClientError::NotFound {
            what: "result (no final receipt yet) of job",
            address: address.to_string(),
        })
    }

    /// As [`result`](Self::result), and opens one that is sealed to `key`. Gives what opens its files, too.
    ///
    /// ```no_run
    /// # use gantry_sdk::{Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, job: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::{blob::BlobStore, keys};
    ///
    /// let blobs = BlobStore::open(".gantry/network/blobs")?;
    /// let wallet = keys::load("alice.json")?;
    /// let (result, opener) = gantry.sealed_result(&job, &blobs, &wallet).await?;
    /// result.save_with(&blobs, "result".as_ref(), Some(&opener)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`result`](Self::result), and if it is sealed and does not open.
    pub async fn sealed_result<'a>(
        &self,
        address: &Pubkey,
        blobs: &BlobStore,
        key: &'a Keypair,
    ) -> Result<(ResultManifest, Opener<'a>), ClientError> {
        let context = self.seal_context(address).await?;
        let opener = Opener { key, context };
        let digest = self.output_digest(address).await?;
        Ok((ResultManifest::fetch_with(blobs, &digest, &opener).await?, opener))
    }

    /// What reads the log of a job that a node has, as its assignment goes.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] where no node has it.
    pub async fn log_reader(&self, address: &Pubkey, job: &Job) -> Result<LogReader, ClientError> {
        let node = self.node(&job.node).await?.ok_or_else(|| ClientError::NotFound {
            what: "node",
            address: job.node.to_string(),
        })?;
        let place = LogPlace {
            context: self.seal_context(address).await?,
            assignment: job.assignment,
        };
        Ok(LogReader::new(place, node.node_key))
    }

    /// What seals the next job of `wallet` to the node account `node`, and that job's number: pass both on to
    /// [`OpenJob`].
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, node: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// use gantry_sdk::{blob::BlobStore, client::OpenJob, spec::JobSpec};
    ///
    /// let blobs = BlobStore::open(".gantry/network/blobs")?;
    /// let spec = JobSpec::load("examples/quick.json".as_ref())?;
    /// let (sealer, id) = gantry.sealer(&wallet.pubkey(), &node).await?;
    /// let prepared = spec.prepare_sealed("examples".as_ref(), &blobs, &sealer).await?;
    /// let job = OpenJob { node: Some(node), id: Some(id), ..OpenJob::new(&prepared) };
    /// gantry.open_job(wallet, job).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::NotFound`] for a node that is not listed.
    pub async fn sealer(&self, wallet: &Pubkey, node: &Pubkey) -> Result<(Sealer, u64), ClientError> {
        let listed = self.node(node).await?.ok_or_else(|| ClientError::NotFound {
            what: "node",
            address: node.to_string(),
        })?;
        let id = self.customer(wallet).await?.map_or(0, |customer| customer.next_job_id);
        let context = self.seal_context(&pda::job(wallet, id)).await?;
        let sealer = Sealer {
            recipient: listed.node_key,
            context,
        };
        Ok((sealer, id))
    }

    async fn seal_context(&self, job: &Pubkey) -> Result<Context, ClientError> {
        let params = self.market_params().await?.ok_or_else(|| ClientError::NotFound {
            what: "market set-up at",
            address: pda::market_params().to_string(),
        })?;
        Ok(Context {
            genesis_hash: params.genesis_hash,
            job: *job,
        })
    }

    async fn own_job(&self, wallet: &AnySigner, address: &Pubkey) -> Result<Job, ClientError> {
        let job = self.require_job(address).await?;
        if job.customer == wallet.pubkey() {
            return Ok(job);
        }
        // The instruction needs the customer's signature, so it could not even be made.
        let problem = format!("belongs to wallet {}: sign with that", job.customer);
        Err(ClientError::OutOfBounds { field: "job", problem })
    }

    pub(super) async fn mint_of(&self, job: &Job) -> Result<PaymentMint, ClientError> {
        let missing = || ClientError::NotFound {
            what: "payment mint",
            address: job.mint.to_string(),
        };
        self.payment_mint(&job.mint).await?.ok_or_else(missing)
    }
}
