//! The compiler of the programs against the host's: the program `selftest` computes in the VM what this file computes
//! here, from the same source, over seeded random operands and the edges.

extern crate alloc;

#[expect(unreachable_pub, reason = "public in the program whose file this is")]
#[path = "../../programs/selftest/src/operations.rs"]
mod operations;

use std::path::PathBuf;

use litesvm::{LiteSVM, types::TransactionMetadata};
use operations::{Operation, Output};
use solana_account::Account;
use solana_address::Address;
use solana_compute_budget::compute_budget::ComputeBudget;
use solana_instruction::{AccountMeta, Instruction};
use solana_keypair::Keypair;
use solana_message::Message;
use solana_signer::Signer;
use solana_transaction::Transaction;

/// The instruction tags and the seed of `programs/selftest/src/processor.rs`.
const COMPUTE: u8 = 0;
const CROSS_CALL: u8 = 1;
const VAULT_SEED: &[u8] = b"vault";

const SEED: u64 = 0x6761_6e74_7279_2121;
const PAIRS: usize = 4096;
const PAIR_BYTES: usize = 32;

struct Vm {
    svm: LiteSVM,
    payer: Keypair,
    program: Address,
}

impl Vm {
    fn start() -> Self {
        let program = Address::new_unique();
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/deploy/selftest.so");
        let mut budget = ComputeBudget::new_with_defaults(false);
        budget.compute_unit_limit = 100_000_000;
        let mut svm = LiteSVM::new().with_compute_budget(budget);
        svm.add_program_from_file(program, &path).unwrap_or_else(|error| {
            panic!(
                "{}: {error}\nbuild it with: cargo xtask programs selftest",
                path.display()
            )
        });
        let payer = Keypair::new();
        svm.airdrop(&payer.pubkey(), 1_000_000_000_000)
            .expect("the faucet has enough");
        Self { svm, payer, program }
    }

    fn call(&mut self, data: Vec<u8>, accounts: Vec<AccountMeta>) -> TransactionMetadata {
        let instruction = Instruction {
            program_id: self.program,
            accounts,
            data,
        };
        let message = Message::new(&[instruction], Some(&self.payer.pubkey()));
        let transaction = Transaction::new(&[&self.payer], message, self.svm.latest_blockhash());
        let outcome = self.svm.send_transaction(transaction);
        self.svm.expire_blockhash();
        outcome.unwrap_or_else(|failure| panic!("{:?}\n{}", failure.err, failure.meta.logs.join("\n")))
    }

    fn place(&mut self, address: Address, data: Vec<u8>) {
        let lamports = self.svm.minimum_balance_for_rent_exemption(data.len());
        let account = Account {
            lamports,
            data,
            owner: self.program,
            executable: false,
            rent_epoch: u64::MAX,
        };
        self.svm.set_account(address, account).expect("a plain account");
    }

    /// What the VM computes for the pairs, and the compute units it took.
    fn compute(&mut self, operation: Operation, pairs: &[(u128, u128)]) -> (Vec<Output>, u64) {
        let index = Operation::ALL
            .iter()
            .position(|one| *one == operation)
            .expect("listed in ALL") as u8;
        let (input, output) = (Address::new_unique(), Address::new_unique());
        self.place(
            input,
            pairs
                .iter()
                .flat_map(|(a, b)| [a.to_le_bytes(), b.to_le_bytes()])
                .flatten()
                .collect(),
        );
        self.place(output, vec![0; pairs.len() * PAIR_BYTES]);
        let accounts = vec![AccountMeta::new_readonly(input, false), AccountMeta::new(output, false)];
        let meta = self.call(vec![COMPUTE, index], accounts);
        let data = self.svm.get_account(&output).expect("placed above").data;
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let outputs = data.chunks_exact(PAIR_BYTES).map(|chunk| {
            let mut words = chunk.chunks_exact(8).map(word);
            std::array::from_fn(|_| words.next().expect("four words"))
        });
        (outputs.collect(), meta.compute_units_consumed)
    }
}

/// SplitMix64: small, seeded and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number of random length, so that small ones and both halves' borders come up as often as big ones.
    fn operand(&mut self) -> u128 {
        let wide = (u128::from(self.next()) << 64) | u128::from(self.next());
        let shift = (self.next() % 128) as u32;
        match self.next() % 8 {
            0 => EDGES[self.next() as usize % EDGES.len()],
            1 => wide,
            2 => !(wide >> shift),
            3 => (1u128 << shift).wrapping_sub(u128::from(self.next() % 3)),
            _ => wide >> shift,
        }
    }
}

const EDGES: [u128; 14] = [
    0,
    1,
    2,
    10_000,
    u32::MAX as u128,
    1 << 32,
    i64::MAX as u128,
    1 << 63,
    u64::MAX as u128,
    1 << 64,
    i128::MAX as u128,
    1 << 127,
    u128::MAX - 1,
    u128::MAX,
];

/// Every pair of edges, then random pairs.
fn pairs() -> Vec<(u128, u128)> {
    let mut random = Random(SEED);
    let edges = EDGES.iter().flat_map(|a| EDGES.iter().map(|b| (*a, *b)));
    let rest = std::iter::repeat_with(move || (random.operand(), random.operand()));
    edges.chain(rest).take(PAIRS).collect()
}

#[test]
fn computes_what_the_host_computes() {
    let mut vm = Vm::start();
    let pairs = pairs();
    let mut wrong = Vec::new();
    for operation in Operation::ALL.iter().copied() {
        // The program's allocator never frees and the heap is 32 KiB: few pairs at a time where it is used.
        let chunk = if operation == Operation::Heap { 16 } else { 512 };
        let mut units = 0;
        let mut failures = 0;
        for pairs in pairs.chunks(chunk) {
            let (outputs, used) = vm.compute(operation, pairs);
            units += used;
            assert_eq!(outputs.len(), pairs.len());
            for ((a, b), got) in pairs.iter().zip(outputs) {
                let expected = operation.apply(*a, *b);
                if got != expected {
                    failures += 1;
                    if failures == 1 {
                        wrong.push(format!(
                            "{operation:?} of {a:#x} and {b:#x}: VM {got:x?}, host {expected:x?}"
                        ));
                    }
                }
            }
        }
        println!(
            "{operation:<22} {:>5} pairs, {failures} wrong, {:>5} CU each",
            pairs.len(),
            units / pairs.len() as u64,
            operation = format!("{operation:?}")
        );
    }
    assert!(
        wrong.is_empty(),
        "the compiler of the programs is not to be trusted:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn calls_other_programs_and_signs_for_its_own_addresses() {
    let mut vm = Vm::start();
    let (vault, bump) = Address::find_program_address(&[VAULT_SEED], &vm.program);
    let recipient = Address::new_unique();
    vm.svm.airdrop(&vault, 5_000_000_000).expect("the faucet has enough");
    let system = Address::default();
    let accounts = vec![
        AccountMeta::new(vault, false),
        AccountMeta::new(recipient, false),
        AccountMeta::new_readonly(system, false),
        AccountMeta::new_readonly(vm.program, false),
    ];
    let mut random = Random(SEED);
    let mut moved = 0;
    for length in [1, 8, 31, 200, 700] {
        let lamports = 1_000_000_000 - random.next() % 1_000_000;
        let message: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        let mut data = vec![CROSS_CALL, bump];
        data.extend(lamports.to_le_bytes());
        data.extend(&message);
        let meta = vm.call(data, accounts.clone());
        moved += lamports;
        let expected: Vec<u8> = message.iter().rev().map(|byte| !byte).collect();
        assert_eq!(meta.return_data.data, expected, "a message of {length} bytes");
        assert_eq!(vm.svm.get_balance(&recipient), Some(moved));
        assert_eq!(vm.svm.get_balance(&vault), Some(5_000_000_000 - moved));
    }
}
