//! Starting a job, and how a receipt has to come along: what holds of receipts in general is tried at the start.

use gantry_sdk::{
    Instruction, Keypair, Pubkey, Signer,
    core::{
        ed25519,
        receipt::{LEN, Receipt, ReceiptStatus},
    },
    ix::{self, JobArgs, token},
    pda,
    receipt::{ED25519_PROGRAM, precompile_instruction},
    registry,
};
use gantry_tests::{
    event,
    world::{Listing, START_TIME, World, assert_refused, job_args, swapped},
};
use solana_instruction::error::InstructionError;
use solana_transaction_error::TransactionError;

/// A world with an assigned job, the instruction that starts it, and the receipt for it.
fn assigned() -> (World, Pubkey, Listing, Instruction, Receipt) {
    let mut world = World::new();
    let (job, _, listing, _) = world.assigned();
    let (start, receipt) = (ix::start_job(&world.job(&job)), world.receipt(&job, 0, 0));
    (world, job, listing, start, receipt)
}

/// An instruction of the ed25519 program.
fn precompile(data: Vec<u8>) -> Instruction {
    Instruction {
        program_id: ED25519_PROGRAM,
        accounts: Vec::new(),
        data,
    }
}

/// `message`, properly signed by `key`, whatever it says.
fn signed_bytes(message: &[u8; LEN], key: &Keypair) -> Instruction {
    let signature: [u8; 64] = key.sign_message(message).into();
    precompile(ed25519::encode(&key.pubkey().to_bytes(), &signature, message).to_vec())
}

#[test]
fn the_nodes_receipt_starts_the_clock() {
    let mut world = World::new();
    let (job, _, listing, _) = world.assigned();
    world.advance(10);
    let outcome = world.start(&job, &listing).expect("a start");
    let started = event!(outcome, JobStarted);
    assert_eq!((started.job, started.node, started.assignment), (job, listing.node, 1));
    assert_eq!(started.started_at, START_TIME + 10);
    let account = world.job(&job);
    assert_eq!((account.status, account.started_at, account.active_at), (2, 10, 10));
    assert_eq!(
        (account.sequence, account.served_seconds, account.checkpoint_at),
        (0, 0, 10)
    );
}

#[test]
fn a_job_starts_until_the_last_second_of_its_deadline() {
    let (mut world, job, listing, ..) = assigned();
    world.advance(30);
    world.fork().start(&job, &listing).expect("a start in the last second");
    world.advance(1);
    world.market_refuses("StartDeadlinePassed", |world| world.start(&job, &listing));
}

#[test]
fn only_an_assigned_job_starts() {
    let mut world = World::new();
    let (customer, listing, matcher) = (world.customer(), world.list_node(), world.wallet());
    let args = JobArgs {
        node: listing.node,
        ..job_args(0)
    };
    world.open(&customer, args).expect("an open job");
    let job = pda::job(&customer.pubkey(), 0);
    world.market_refuses("NotAssigned", |world| world.start(&job, &listing));
    world.assign(&matcher, &job, &listing.node).expect("an assignment");
    world.start(&job, &listing).expect("a start");
    world.market_refuses("NotAssigned", |world| world.start(&job, &listing));
    world.stop(&customer, &job).expect("a stop");
    world.market_refuses("NotAssigned", |world| world.start(&job, &listing));
}

#[test]
fn a_job_that_names_no_node_is_started_by_none() {
    let mut world = World::new();
    let (customer, listing) = (world.customer(), world.list_node());
    let job = world.open_default(&customer);
    let start = swapped(&ix::start_job(&world.job(&job)), &Pubkey::default(), &listing.node);
    let carried = precompile_instruction(&world.receipt(&job, 0, 0), &listing.node_key);
    world.market_refuses("WrongAccount", |world| world.send(&[carried, start], &[]));
}

#[test]
fn a_receipt_of_anything_but_this_assignment_is_refused() {
    let (mut world, job, listing, ..) = assigned();
    let other_customer = world.customer();
    let other_job = world.open_default(&other_customer);
    let right = world.receipt(&job, 0, 0);
    let with = |change: &dyn Fn(&mut Receipt)| {
        let mut receipt = right.clone();
        change(&mut receipt);
        receipt
    };
    let now = world.now();
    let cases = [
        ("WrongCluster", with(&|receipt| receipt.genesis_hash = [8; 32])),
        ("WrongCluster", with(&|receipt| receipt.genesis_hash = [0; 32])),
        ("WrongMarket", with(&|receipt| receipt.market = registry::ID.to_bytes())),
        ("WrongJob", with(&|receipt| receipt.job = other_job.to_bytes())),
        ("WrongJob", with(&|receipt| receipt.job = [0; 32])),
        ("WrongAssignment", with(&|receipt| receipt.assignment = 0)),
        ("WrongAssignment", with(&|receipt| receipt.assignment = 2)),
        ("WrongAssignment", with(&|receipt| receipt.assignment = u32::MAX)),
        ("IssuedInFuture", with(&|receipt| receipt.issued_at = now + 301)),
        ("IssuedInFuture", with(&|receipt| receipt.issued_at = i64::MAX)),
        ("NotStartReceipt", with(&|receipt| receipt.sequence = 1)),
        ("NotStartReceipt", with(&|receipt| receipt.sequence = u64::MAX)),
        ("NotStartReceipt", with(&|receipt| receipt.served_seconds = 1)),
        (
            "NotStartReceipt",
            with(&|receipt| receipt.status = ReceiptStatus::Completed),
        ),
        (
            "NotStartReceipt",
            with(&|receipt| receipt.status = ReceiptStatus::Failed),
        ),
    ];
    for (name, receipt) in cases {
        println!("{name}: {receipt:?}");
        world.market_refuses(name, |world| world.start_with(&job, &receipt, &listing.node_key));
    }
    // A node's clock may run ahead a little, and behind as it likes.
    for issued_at in [now + 300, 0, i64::MIN] {
        let receipt = with(&|receipt| receipt.issued_at = issued_at);
        world
            .fork()
            .start_with(&job, &receipt, &listing.node_key)
            .expect("a start");
    }
}

#[test]
fn only_the_nodes_own_key_signs_its_receipts() {
    let (mut world, job, listing, ..) = assigned();
    let (other, receipt) = (world.list_node(), world.receipt(&job, 0, 0));
    for key in [&Keypair::new(), &listing.wallet, &other.node_key] {
        world.market_refuses("WrongSigner", |world| world.start_with(&job, &receipt, key));
    }
    // Nor does another node's account make its key this job's.
    let start = swapped(&ix::start_job(&world.job(&job)), &listing.node, &other.node);
    let carried = precompile_instruction(&receipt, &other.node_key);
    world.market_refuses("WrongAccount", |world| world.send(&[carried, start], &[]));
}

#[test]
fn signed_bytes_that_are_no_receipt_are_refused() {
    let (mut world, _, listing, start, receipt) = assigned();
    let right = receipt.encode();
    // The status and the bytes of the tag.
    let cases = std::iter::once((148, 3))
        .chain([(148, 0xff)])
        .chain((0..24).map(|at| (at, b'~')));
    for (at, byte) in cases {
        let mut message = right;
        message[at] = byte;
        let carried = signed_bytes(&message, &listing.node_key);
        world.market_refuses("MalformedReceipt", |world| world.send(&[carried, start.clone()], &[]));
    }
    let carried = signed_bytes(&right, &listing.node_key);
    world.send(&[carried, start], &[]).expect("the bytes as they should be");
}

#[test]
fn one_flipped_bit_anywhere_in_a_receipt_is_refused() {
    let (mut world, _, listing, start, receipt) = assigned();
    let right = precompile_instruction(&receipt, &listing.node_key);
    for at in 0..right.data.len() {
        let mut wrong = right.clone();
        wrong.data[at] ^= 1 << (at % 8);
        let refusal = world
            .unchanged(|world| world.send(&[wrong, start.clone()], &[]))
            .expect_err("a flipped bit");
        // Byte 1 is padding, which the precompile does not read; all of the rest is its own to refuse.
        if at == 1 {
            assert_refused(Err(refusal), "market", "MalformedSignature");
        } else {
            assert!(
                matches!(refusal.error, TransactionError::InstructionError(0, _)),
                "byte {at} is refused by {:?}",
                refusal.error
            );
        }
    }
    world.send(&[right, start], &[]).expect("the bytes as they should be");
}

#[test]
fn a_receipt_comes_right_before_the_instruction_that_reads_it() {
    let (mut world, _, listing, start, receipt) = assigned();
    let carried = precompile_instruction(&receipt, &listing.node_key);
    let payer = world.payer.pubkey();
    let other = token::create_associated_account(&payer, &payer, &world.usdc.mint, &token::TOKEN_PROGRAM);
    world
        .send(std::slice::from_ref(&other), &[])
        .expect("an account that exists from now on");
    let cases = [
        vec![start.clone()],
        vec![other.clone(), start.clone()],
        vec![carried.clone(), other.clone(), start.clone()],
        vec![start.clone(), carried.clone()],
        vec![other.clone(), start.clone(), carried.clone()],
    ];
    for instructions in cases {
        world.market_refuses("MissingSignature", |world| world.send(&instructions, &[]));
    }
    // Data that look like a verified receipt, in an instruction of somebody else's.
    let mut pretended = carried.clone();
    pretended.program_id = token::ASSOCIATED_TOKEN_PROGRAM;
    let result = world.unchanged(|world| world.send(&[pretended, start.clone()], &[]));
    assert!(result.is_err(), "another program's word for a signature");
    world.send(&[other, carried, start], &[]).expect("right before it");
}

#[test]
fn one_receipt_serves_one_instruction() {
    let (mut world, _, listing, start, receipt) = assigned();
    let carried = precompile_instruction(&receipt, &listing.node_key);
    world.market_refuses("NotAssigned", |world| {
        world.send(&[carried.clone(), start.clone(), carried.clone(), start.clone()], &[])
    });
    let result = world.unchanged(|world| world.send(&[carried, start.clone(), start], &[]));
    assert!(result.is_err(), "a receipt read twice");
}

/// A header of the ed25519 program: for each signature the offsets and instructions of signature, key and message.
fn header(signatures: &[[u16; 7]]) -> Vec<u8> {
    let mut data = vec![signatures.len() as u8, 0];
    data.extend(signatures.iter().flatten().flat_map(|number| number.to_le_bytes()));
    data
}

#[test]
fn any_other_shape_of_the_ed25519_instruction_is_refused() {
    let (mut world, _, listing, start, receipt) = assigned();
    let right = precompile_instruction(&receipt, &listing.node_key).data;
    let (body, len) = (&right[16..], LEN as u16);

    // Two signatures, both good: key, signature and message after 30 bytes of header.
    let place = [62, u16::MAX, 30, u16::MAX, 126, len, u16::MAX];
    let two = [header(&[place, place]), body.to_vec()].concat();
    // None at all: the precompile has nothing to refuse.
    let none = vec![0, 0];
    // One byte more than there should be.
    let longer = [&right[..], &[0]].concat();
    // The same parts in another order: signature, key, message.
    let order = [
        header(&[[16, u16::MAX, 80, u16::MAX, 112, len, u16::MAX]]),
        body[32..96].to_vec(),
        body[..32].to_vec(),
        body[96..].to_vec(),
    ]
    .concat();
    // The instruction's own number instead of the mark for itself.
    let own_number = [header(&[[48, 0, 16, 0, 112, len, 0]]), body.to_vec()].concat();
    // A message that is signed only in part.
    let part = {
        let signature: [u8; 64] = listing.node_key.sign_message(&receipt.encode()[..100]).into();
        let mut data = right.clone();
        data[12..14].copy_from_slice(&100u16.to_le_bytes());
        data[48..112].copy_from_slice(&signature);
        data
    };
    for (what, data) in [
        ("two signatures", two),
        ("no signature", none),
        ("longer", longer),
        ("another order", order),
        ("its own number", own_number),
        ("a part of the message", part),
    ] {
        println!("{what}");
        let instructions = [precompile(data), start.clone()];
        world.market_refuses("MalformedSignature", |world| world.send(&instructions, &[]));
    }
}

#[test]
fn a_signature_over_something_else_does_not_vouch_for_forged_bytes() {
    let (mut world, _, listing, start, receipt) = assigned();
    let thief = Keypair::new();
    let genuine = signed_bytes(&[1; LEN], &thief);
    // In the shape and at the place of a receipt of the node, but the precompile is pointed to the other instruction.
    let mut forged = ed25519::encode(&listing.node_key.pubkey().to_bytes(), &[7; 64], &receipt.encode()).to_vec();
    for index in [4, 8, 14] {
        forged[index..index + 2].copy_from_slice(&0u16.to_le_bytes());
    }
    world.market_refuses("MalformedSignature", |world| {
        world.send(&[genuine, precompile(forged), start], &[])
    });
}

#[test]
fn the_list_of_instructions_is_the_runtimes_own() {
    let (mut world, job, listing, start, receipt) = assigned();
    let forged = world.forge(&job, Some(listing.wallet.pubkey()));
    let start = swapped(&start, &ix::INSTRUCTIONS_SYSVAR, &forged);
    let carried = precompile_instruction(&receipt, &listing.node_key);
    let result = world.unchanged(|world| world.send(&[carried, start], &[]));
    let error = result.expect_err("a list of instructions that somebody made up").error;
    assert!(
        matches!(error, TransactionError::InstructionError(1, ref error) if *error != InstructionError::ProgramFailedToComplete),
        "{error:?}"
    );
}

#[test]
fn anyone_carries_a_receipt_and_an_old_signature_is_as_good() {
    let (mut world, job, listing, start, receipt) = assigned();
    let carried = precompile_instruction(&receipt, &listing.node_key);
    world.advance(20);
    world.payer = Keypair::new();
    world
        .svm
        .airdrop(&world.payer.pubkey(), 1_000_000_000)
        .expect("an airdrop");
    world
        .send(&[carried, start], &[])
        .expect("a start that a stranger sends");
    // The clock starts when the chain sees it, not when the node says.
    assert_eq!(world.job(&job).started_at, 20);
}
