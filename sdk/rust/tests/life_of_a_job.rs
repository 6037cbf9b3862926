//! The whole life of a job through the client, against a running local network.
//!
//! `GANTRY_RPC_URL=http://127.0.0.1:8899 cargo test -p gantry-sdk --test life_of_a_job -- --ignored`

use futures::StreamExt;
use gantry_sdk::{
    ClientError, Gantry, Keypair, Pubkey, Signer,
    blob::BlobStore,
    bootstrap::{Deployment, ONE_TOKEN, bootstrap},
    client::{Closing, JobUpdate, OpenJob, OpenedJob},
    ix,
    manifest::{ResultManifest, VERSION},
    market::accounts::Job,
    pda,
    receipt::{Receipt, ReceiptStatus, precompile_instruction},
    registry::types::AttestArgs,
    spec::{JobSpec, PreparedSpec},
    state::{AnyAccount, JobExt, JobStatus, NodeExt},
};
use solana_rpc_client_api::config::{RpcAccountInfoConfig, RpcProgramAccountsConfig, UiAccountEncoding};
use std::path::PathBuf;

/// Without an encoding, servers answer in base58, and only for small accounts.
fn base64() -> RpcProgramAccountsConfig {
    let account_config = RpcAccountInfoConfig {
        encoding: Some(UiAccountEncoding::Base64),
        ..RpcAccountInfoConfig::default()
    };
    RpcProgramAccountsConfig {
        account_config,
        ..RpcProgramAccountsConfig::default()
    }
}

struct World {
    gantry: Gantry,
    deployment: Deployment,
    provider: Keypair,
    node_key: Keypair,
    node: Pubkey,
    customer: Keypair,
    matcher: Keypair,
    blobs: BlobStore,
    folder: tempfile::TempDir,
}

impl World {
    /// A network that is set up, with one attested and staked node and a funded customer and matcher.
    async fn new() -> Self {
        let url = std::env::var("GANTRY_RPC_URL").expect("GANTRY_RPC_URL names a local network");
        let run = std::env::var("GANTRY_RUN_DIR")
            .map(PathBuf::from)
            .expect("GANTRY_RUN_DIR names its run folder");
        let folder = tempfile::tempdir().expect("a folder");
        let gantry = Gantry::connect(url);
        let deployment = bootstrap(&gantry, &run).await.expect("set up");
        let again = bootstrap(&gantry, &run)
            .await
            .expect("setting up again changes nothing");
        assert_eq!(again, deployment);
        let (provider, node_key, customer, matcher) = (Keypair::new(), Keypair::new(), Keypair::new(), Keypair::new());
        for wallet in [&provider, &customer, &matcher] {
            gantry.airdrop(&wallet.pubkey(), 2_000_000_000).await.expect("SOL");
            deployment
                .mint_to(&gantry, &wallet.pubkey(), 500 * ONE_TOKEN, 50 * ONE_TOKEN)
                .await
                .expect("tokens");
        }
        gantry.register_provider(&provider, [0; 32]).await.expect("a provider");
        let pool = gantry
            .create_pool(&provider, &deployment.payment.mint, 1_000)
            .await
            .expect("a pool");
        gantry.stake(&provider, &pool, 200 * ONE_TOKEN).await.expect("stake");
        let args = ix::NodeArgs {
            price_mint: deployment.payment.mint,
            price_per_hour: ONE_TOKEN,
            disk_gib: 10,
            mbps: 100,
            gpu_model: 0,
            vram_gib: 0,
            cpu_cores: 2,
            ram_gib: 4,
            country: *b"DE",
            gpu_count: 0,
        };
        let node = gantry.register_node(&provider, &node_key, args).await.expect("a node");
        let attestor = gantry_sdk::keys::load(&deployment.attestor_key).expect("the attestor's key");
        let args = AttestArgs {
            device_hash: node_key.pubkey().to_bytes(),
            expires_at: gantry.clock().await.expect("the time") + 86_400,
            flags: 1 << 5,
            tier: 2,
        };
        gantry.attest(&attestor, &node, args).await.expect("an attestation");
        let blobs = BlobStore::open(folder.path().join("blobs")).expect("a store");
        Self {
            gantry,
            deployment,
            provider,
            node_key,
            node,
            customer,
            matcher,
            blobs,
            folder,
        }
    }

    async fn prepared(&self, change: impl FnOnce(&mut serde_json::Value)) -> PreparedSpec {
        let mut spec = serde_json::json!({
            "version": 1, "name": "test", "runner": { "process": { "command": ["true"] } }, "outputs": ["out"],
            "requirements": { "countries": ["DE"], "flags": ["EEA"], "tier": 2 },
            "max_price_per_hour": "3.60", "max_duration_seconds": 100
        });
        change(&mut spec);
        let spec = JobSpec::from_json(spec.to_string().as_bytes()).expect("a spec");
        spec.prepare(self.folder.path(), &self.blobs).await.expect("prepared")
    }

    async fn open(&self) -> (OpenedJob, Job) {
        let spec = self.prepared(|_| {}).await;
        let opened = self
            .gantry
            .open_job(&self.customer, OpenJob::new(&spec))
            .await
            .expect("opens");
        (
            opened,
            self.gantry.require_job(&opened.address).await.expect("is there"),
        )
    }

    async fn receipt(&self, opened: &OpenedJob, sequence: u64, served: u64, status: ReceiptStatus) -> Receipt {
        Receipt {
            genesis_hash: self.gantry.genesis_hash().await.expect("a genesis hash"),
            market: gantry_sdk::market::ID.to_bytes(),
            job: opened.address.to_bytes(),
            assignment: 1,
            sequence,
            served_seconds: served,
            issued_at: self.gantry.clock().await.expect("the time"),
            status,
            exit_code: 0,
            output_digest: [0; 32],
        }
    }

    async fn seconds_pass(&self, since: i64, seconds: i64) {
        while self.gantry.clock().await.expect("the time") < since + seconds {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
#[ignore = "needs a local network: GANTRY_RPC_URL and GANTRY_RUN_DIR"]
async fn a_job_is_opened_served_and_settled() {
    let world = World::new().await;
    let (gantry, payment) = (&world.gantry, world.deployment.payment.mint_ref());
    let before = gantry
        .token_balance(&world.customer.pubkey(), &payment)
        .await
        .expect("a balance")
        .amount;
    let (opened, job) = world.open().await;
    assert_eq!(
        (opened.deposited, job.deposited, job.spec_hash),
        (100_000, 100_000, world.prepared(|_| {}).await.hash())
    );
    // The same number again opens nothing.
    let spec = world.prepared(|_| {}).await;
    let again = OpenJob {
        id: Some(opened.id),
        ..OpenJob::new(&spec)
    };
    let again = gantry.open_job(&world.customer, again).await.expect("is open already");
    assert_eq!((again.address, again.signature), (opened.address, None));

    let node = gantry.node(&world.node).await.expect("asked").expect("listed");
    job.requirements()
        .check(&node.offer(), gantry.clock().await.expect("the time"))
        .expect("fits");
    gantry
        .send(
            &[ix::assign_job(&world.matcher.pubkey(), &job, &world.node, &node)],
            &world.matcher,
            &[],
        )
        .await
        .expect("assigned");
    let job = gantry.require_job(&opened.address).await.expect("is there");
    assert_eq!(
        (JobExt::status(&job), job.price_per_hour),
        (Some(JobStatus::Assigned), ONE_TOKEN)
    );

    let mut updates = Box::pin(gantry.watch(opened.address));
    let first = updates.next().await.expect("an update").expect("the present state");
    assert!(matches!(first, JobUpdate::Live { job, .. } if JobExt::status(job.as_ref()) == Some(JobStatus::Assigned)));

    let start = world.receipt(&opened, 0, 0, ReceiptStatus::Running).await;
    let instructions = [precompile_instruction(&start, &world.node_key), ix::start_job(&job)];
    gantry.send(&instructions, &world.provider, &[]).await.expect("started");
    let job = gantry.require_job(&opened.address).await.expect("is there");
    world.seconds_pass(JobExt::started_at(&job).expect("started"), 3).await;

    // What no receipt may do: more seconds than have passed, and another key's signature.
    let greedy = world.receipt(&opened, 1, 90, ReceiptStatus::Running).await;
    let refused = gantry
        .send(
            &[precompile_instruction(&greedy, &world.node_key), ix::submit_proof(&job)],
            &world.provider,
            &[],
        )
        .await;
    assert!(refused.expect_err("too many seconds").is_refusal("ServedBeyondElapsed"));
    let proof = world.receipt(&opened, 1, 2, ReceiptStatus::Running).await;
    let refused = gantry
        .send(
            &[precompile_instruction(&proof, &world.customer), ix::submit_proof(&job)],
            &world.provider,
            &[],
        )
        .await;
    assert!(refused.expect_err("another key").is_refusal("WrongSigner"));
    gantry
        .send(
            &[precompile_instruction(&proof, &world.node_key), ix::submit_proof(&job)],
            &world.provider,
            &[],
        )
        .await
        .expect("proven");

    let manifest = ResultManifest {
        version: VERSION,
        job: opened.address.to_string(),
        spec: job.spec_hash.into(),
        exit_code: 0,
        device: "test".into(),
        outputs: Vec::new(),
        missing: vec!["out".into()],
        logs: None,
    };
    let mut last = world.receipt(&opened, 2, 3, ReceiptStatus::Completed).await;
    last.output_digest = manifest.store(&world.blobs).await.expect("stored");
    gantry
        .send(
            &[precompile_instruction(&last, &world.node_key), ix::submit_proof(&job)],
            &world.provider,
            &[],
        )
        .await
        .expect("finished");
    gantry
        .accept_result(&world.customer, &opened.address)
        .await
        .expect("accepted");
    gantry
        .settle_job(&world.matcher, &opened.address)
        .await
        .expect("settled");

    let mut settled = None;
    while let Some(update) = updates.next().await {
        if let JobUpdate::Closed(closing) = update.expect("an update") {
            settled = Some(closing);
        }
    }
    let Some(Closing::Settled(settled)) = settled else {
        panic!("settled, not {settled:?}")
    };
    let parts =
        settled.to_provider + settled.to_delegators + settled.to_matcher + settled.to_treasury + settled.to_customer;
    assert_eq!(
        (settled.deposited, settled.paid_seconds, settled.bill, parts),
        (100_000, 3, 833, 100_000)
    );
    let after = gantry
        .token_balance(&world.customer.pubkey(), &payment)
        .await
        .expect("a balance")
        .amount;
    assert_eq!(before - after, 100_000 - settled.to_customer);
    assert_eq!(
        gantry
            .result(&opened.address, &world.blobs)
            .await
            .expect("after closing too"),
        manifest
    );

    // Every account that the programs wrote is one that this crate reads.
    let mut kinds = std::collections::BTreeSet::new();
    for program in [
        gantry_sdk::registry::ID,
        gantry_sdk::staking::ID,
        gantry_sdk::market::ID,
    ] {
        for (address, account) in gantry
            .rpc()
            .get_program_ui_accounts_with_config(&program, base64())
            .await
            .expect("accounts")
        {
            let data = account.data.decode().expect("bytes");
            let decoded = AnyAccount::decode(&program, &data).unwrap_or_else(|error| panic!("{address}: {error}"));
            let (name, _) = gantry_sdk::idl::of(&program)
                .expect("an IDL")
                .account_json(&data)
                .expect("decodes");
            assert_eq!(decoded.kind(), name);
            kinds.insert(decoded.kind());
        }
    }
    assert_eq!(
        kinds.len(),
        AnyAccount::KINDS.len() - 2,
        "all but the closed job and a dispute: {kinds:?}"
    );
}

#[tokio::test]
#[ignore = "needs a local network: GANTRY_RPC_URL and GANTRY_RUN_DIR"]
async fn what_cannot_be_is_refused_before_any_token_moves() {
    let world = World::new().await;
    let (gantry, payment) = (&world.gantry, world.deployment.payment.mint_ref());
    let balance = || async {
        gantry
            .token_balance(&world.customer.pubkey(), &payment)
            .await
            .expect("a balance")
            .amount
    };
    let before = balance().await;
    let spec = world.prepared(|_| {}).await;

    let poor = Keypair::new();
    let refused = gantry.open_job(&poor, OpenJob::new(&spec)).await.expect_err("no SOL");
    assert!(
        matches!(refused, ClientError::Unfunded { wallet } if wallet == poor.pubkey()),
        "{refused}"
    );
    gantry.airdrop(&poor.pubkey(), 1_000_000_000).await.expect("SOL");
    let refused = gantry
        .open_job(&poor, OpenJob::new(&spec))
        .await
        .expect_err("no tokens");
    assert!(
        matches!(
            refused,
            ClientError::InsufficientTokens {
                needed: 100_000,
                available: 0,
                ..
            }
        ),
        "{refused}"
    );

    // Also for a wallet whose payment is simulated: the cluster's own word for it.
    let nobody = Keypair::new();
    let refused = gantry
        .send(
            &[ix::register_provider(
                &nobody.pubkey(),
                &nobody.pubkey(),
                &nobody.pubkey(),
                [0; 32],
            )],
            &nobody,
            &[],
        )
        .await;
    let refused = refused.expect_err("no SOL");
    assert!(matches!(refused, ClientError::Unfunded { .. }), "{refused}");

    let stake = world.deployment.stake.mint;
    let refused = gantry
        .open_job(
            &world.customer,
            OpenJob {
                mint: Some(stake),
                ..OpenJob::new(&spec)
            },
        )
        .await;
    assert!(
        matches!(refused, Err(ClientError::MintNotEnabled { .. })),
        "{refused:?}"
    );
    let args = spec.job_args(0, 6).expect("arguments");
    let source = pda::associated_token(&world.customer.pubkey(), &stake, &payment.token_program);
    let mint = world.deployment.stake.mint_ref();
    let wallet = world.customer.pubkey();
    let refused = gantry
        .send(
            &[ix::open_job(&wallet, &wallet, mint, &source, args)],
            &world.customer,
            &[],
        )
        .await;
    assert!(matches!(refused, Err(ClientError::Program { .. })), "{refused:?}");

    for (field, value) in [
        ("max_price_per_hour", serde_json::json!("0.001")),
        ("max_duration_seconds", serde_json::json!(100_000_000)),
        ("start_deadline_seconds", serde_json::json!(1)),
        ("proof_timeout_seconds", serde_json::json!(601)),
    ] {
        let spec = world.prepared(|spec| spec[field] = value).await;
        let refused = gantry.open_job(&world.customer, OpenJob::new(&spec)).await;
        assert!(
            matches!(refused, Err(ClientError::OutOfBounds { field: named, .. }) if named == field),
            "{refused:?}"
        );
    }

    // A node that costs more than the job pays: the market refuses the match, the job stays open and is refunded.
    let cheap = world.prepared(|spec| spec["max_price_per_hour"] = "0.50".into()).await;
    let opened = gantry
        .open_job(&world.customer, OpenJob::new(&cheap))
        .await
        .expect("opens");
    let job = gantry.require_job(&opened.address).await.expect("is there");
    let node = gantry.node(&world.node).await.expect("asked").expect("listed");
    let assign = ix::assign_job(&world.matcher.pubkey(), &job, &world.node, &node);
    let refused = gantry.send(&[assign], &world.matcher, &[]).await.expect_err("too dear");
    assert!(
        matches!(refused, ClientError::Program { ref program, .. } if program == "market"),
        "{refused}"
    );
    gantry
        .cancel_job(&world.customer, &opened.address)
        .await
        .expect("cancelled");
    assert_eq!(balance().await, before);
    let history = gantry.job_history(&opened.address).await.expect("a history");
    assert_eq!(history.cancelled().expect("cancelled").refunded, opened.deposited);

    let away = Gantry::connect("http://127.0.0.1:9");
    assert!(matches!(away.clock().await, Err(ClientError::Unreachable { .. })));
}
