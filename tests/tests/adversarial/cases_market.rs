//! The market's instructions.

use crate::{
    case::{Act, Case},
    cases::{Scenes, pair},
    crowd::{Crowd, Side, with_impostor},
};
use gantry_sdk::{
    Instruction, Pubkey, Signer,
    core::receipt::{Receipt, ReceiptStatus},
    ix::{self, MintRef, token},
    pda, receipt,
};
use gantry_tests::world::{DISPUTE_WINDOW, GENESIS_HASH, World, job_args, terms};

/// How far both parties' jobs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Open,
    Assigned,
    Running,
    /// 50 of 50 seconds are proven.
    Proven,
    /// Completed after 100 seconds.
    Finished,
    /// Taken to the council.
    Disputed,
}

/// A crowd in which both parties have a job.
pub(crate) fn at(scenes: &Scenes, stage: Stage) -> Crowd {
    let mut crowd = scenes.trading.fork();
    let sides = crowd.sides.clone();
    let both = |act: &mut dyn FnMut(&mut World, &Side, &Pubkey), crowd: &mut Crowd| {
        for side in sides.iter() {
            act(&mut crowd.world, side, &job(side));
        }
    };
    both(
        &mut |world, side, _| {
            world.open(&side.customer, job_args(0)).expect("an open job");
        },
        &mut crowd,
    );
    if stage >= Stage::Assigned {
        both(
            &mut |world, side, job| {
                world
                    .assign(&side.matcher, job, &side.listing.node)
                    .expect("an assignment");
            },
            &mut crowd,
        );
    }
    if stage >= Stage::Running {
        both(
            &mut |world, side, job| {
                world.start(job, &side.listing).expect("a start");
            },
            &mut crowd,
        );
    }
    if stage >= Stage::Proven {
        crowd.world.advance(50);
        both(
            &mut |world, side, job| {
                world.prove(job, &side.listing, 1, 50).expect("a proof");
            },
            &mut crowd,
        );
    }
    if stage >= Stage::Finished {
        crowd.world.advance(50);
        both(
            &mut |world, side, job| {
                let finish = world.finish(job, &side.listing, 2, 100, ReceiptStatus::Completed);
                finish.expect("a final proof");
            },
            &mut crowd,
        );
    }
    if stage >= Stage::Disputed {
        both(
            &mut |world, side, job| {
                world.dispute(&side.customer, job).expect("a dispute");
            },
            &mut crowd,
        );
    }
    crowd
}

/// The party's job.
pub(crate) fn job(side: &Side) -> Pubkey {
    pda::job(&side.customer.pubkey(), 0)
}

/// A case out of what `make` makes for both parties.
fn both<A: Into<Act>>(
    name: &'static str,
    mut crowd: Crowd,
    mut make: impl FnMut(&mut World, &Side, &Pubkey) -> A,
) -> Case {
    let sides = crowd.sides.clone();
    let acts = sides.each_ref().map(|side| make(&mut crowd.world, side, &job(side)));
    pair(name, crowd, acts)
}

pub(crate) fn initialize(_: &Scenes) -> Case {
    let mut world = with_impostor(World::bare());
    world.initialize_network().expect("the network");
    world.initialize_staking().expect("staking");
    let initialize = ix::initialize_market(&world.authority.pubkey(), &world.payer.pubkey(), GENESIS_HASH, terms());
    Case::in_world("market::initialize", world, Vec::new(), initialize)
}

pub(crate) fn enable_mint(scenes: &Scenes) -> Case {
    let mut crowd = scenes.trading.fork();
    let acts = [0; 2].map(|_| {
        let world = &mut crowd.world;
        let mint = MintRef {
            mint: world.create_mint(6),
            ..world.usdc
        };
        let (authority, payer) = (world.authority.pubkey(), world.payer.pubkey());
        let treasury = world.token_account(&authority, mint);
        ix::enable_mint(&authority, &payer, mint, &treasury, 1_000, 1 << 32)
    });
    pair("market::enable_mint", crowd, acts)
}

pub(crate) fn open_job(scenes: &Scenes) -> Case {
    let crowd = scenes.trading.fork();
    both("market::open_job", crowd, |world, side, _| {
        world.open_instruction(&side.customer, job_args(0))
    })
}

pub(crate) fn cancel_job(scenes: &Scenes) -> Case {
    both("market::cancel_job", at(scenes, Stage::Open), |world, side, job| {
        world.cancel_instruction(&side.customer.pubkey(), job)
    })
}

pub(crate) fn assign_job(scenes: &Scenes) -> Case {
    both("market::assign_job", at(scenes, Stage::Open), |world, side, job| {
        let node = world.account(&side.listing.node).expect("a node");
        ix::assign_job(&side.matcher.pubkey(), &world.job(job), &side.listing.node, &node)
    })
}

/// `instruction` after what the ed25519 program has to verify for it.
fn carried(receipts: &[Receipt], side: &Side, instruction: Instruction) -> Act {
    let signed = |receipt| receipt::precompile_instruction(receipt, &side.listing.node_key);
    Act {
        before: receipts.iter().map(signed).collect(),
        instruction,
    }
}

pub(crate) fn start_job(scenes: &Scenes) -> Case {
    both("market::start_job", at(scenes, Stage::Assigned), |world, side, job| {
        carried(&[world.receipt(job, 0, 0)], side, ix::start_job(&world.job(job)))
    })
}

pub(crate) fn submit_proof(scenes: &Scenes) -> Case {
    both("market::submit_proof", at(scenes, Stage::Proven), |world, side, job| {
        let receipt = Receipt {
            status: ReceiptStatus::Completed,
            output_digest: [5; 32],
            ..world.receipt(job, 2, 50)
        };
        carried(&[receipt], side, ix::submit_proof(&world.job(job)))
    })
}

pub(crate) fn stop_job(scenes: &Scenes) -> Case {
    both("market::stop_job", at(scenes, Stage::Proven), |world, _, job| {
        ix::stop_job(&world.job(job))
    })
}

pub(crate) fn accept_result(scenes: &Scenes) -> Case {
    both("market::accept_result", at(scenes, Stage::Finished), |world, _, job| {
        ix::accept_result(&world.job(job))
    })
}

pub(crate) fn report_lapse(scenes: &Scenes) -> Case {
    let mut crowd = at(scenes, Stage::Proven);
    crowd.world.advance(61);
    both("market::report_lapse", crowd, |world, _, job| {
        ix::report_lapse(&world.job(job))
    })
}

pub(crate) fn expire_assignment(scenes: &Scenes) -> Case {
    let mut crowd = at(scenes, Stage::Assigned);
    crowd.world.advance(31);
    both("market::expire_assignment", crowd, |world, side, job| {
        world.expire_instruction(&side.matcher.pubkey(), job)
    })
}

pub(crate) fn settle_job(scenes: &Scenes) -> Case {
    let mut crowd = at(scenes, Stage::Finished);
    crowd.world.advance(DISPUTE_WINDOW);
    both("market::settle_job", crowd, |world, side, job| {
        dusty(world, side, job);
        world.settle_instruction(job)
    })
}

/// Leaves dust in the vault of `job`: there is something for everybody then.
fn dusty(world: &mut World, side: &Side, job: &Pubkey) {
    let MintRef { mint, token_program } = world.usdc;
    let source = pda::associated_token(&side.customer.pubkey(), &mint, &token_program);
    let vault = pda::vault(job);
    let dust = token::transfer_checked(&source, &mint, &vault, &side.customer.pubkey(), 7, 6, &token_program);
    world.send(&[dust], &[&side.customer]).expect("dust");
}

pub(crate) fn settle_with_slash(scenes: &Scenes) -> Case {
    let mut crowd = at(scenes, Stage::Proven);
    crowd.world.advance(61);
    for side in crowd.sides.clone().iter() {
        crowd.world.report_lapse(&job(side)).expect("a lapse");
        // More than half of its bill of 25,000, which is what the SLA leaves it.
        crowd.world.claimed(&job(side), 20_000);
    }
    crowd.world.advance(DISPUTE_WINDOW);
    both("market::settle_with_slash", crowd, |world, _, job| {
        let reporter = world.reporter();
        world.settle_with_slash_instruction(job, &reporter)
    })
}

pub(crate) fn dispute_job(scenes: &Scenes) -> Case {
    both("market::dispute_job", at(scenes, Stage::Proven), |world, _, job| {
        world.dispute_instruction(job)
    })
}

pub(crate) fn vote(scenes: &Scenes) -> Case {
    let mut place = 0;
    both("market::vote", at(scenes, Stage::Disputed), |world, _, job| {
        place += 1;
        ix::vote(&world.arbiters[place - 1].pubkey(), job, 5_000, 5_000)
    })
}

pub(crate) fn resolve_dispute(scenes: &Scenes) -> Case {
    let mut crowd = at(scenes, Stage::Disputed);
    for side in crowd.sides.clone().iter() {
        crowd.world.decide(&job(side), 5_000, 5_000);
    }
    both("market::resolve_dispute", crowd, |world, _, job| {
        let reporter = world.reporter();
        world.resolve_instruction(job, &reporter)
    })
}

pub(crate) fn slash_equivocation(scenes: &Scenes) -> Case {
    both(
        "market::slash_equivocation",
        at(scenes, Stage::Proven),
        |world, side, job| {
            let receipts = [world.receipt(job, 2, 40), world.receipt(job, 2, 50)];
            let (account, reporter) = (world.job(job), world.reporter());
            carried(
                &receipts,
                side,
                ix::slash_equivocation(&account, world.stake_tokens(), &reporter),
            )
        },
    )
}

pub(crate) fn propose_terms(scenes: &Scenes) -> Case {
    let crowd = scenes.trading.fork();
    let propose = ix::propose_terms(&crowd.world.authority.pubkey(), terms());
    Case::new("market::propose_terms", crowd, propose)
}

pub(crate) fn apply_terms(scenes: &Scenes) -> Case {
    let mut crowd = scenes.trading.fork();
    crowd.world.propose_terms(terms()).expect("an announcement");
    crowd.world.advance(3_600);
    Case::new("market::apply_terms", crowd, ix::apply_terms())
}

pub(crate) fn cancel_terms(scenes: &Scenes) -> Case {
    let mut crowd = scenes.trading.fork();
    crowd.world.propose_terms(terms()).expect("an announcement");
    let cancel = ix::cancel_terms(&crowd.world.authority.pubkey());
    Case::new("market::cancel_terms", crowd, cancel)
}

pub(crate) fn update_mint(scenes: &Scenes) -> Case {
    let crowd = scenes.trading.fork();
    let authority = crowd.world.authority.pubkey();
    let mints = [crowd.world.usdc.mint, crowd.second_mint.mint];
    let acts = mints.map(|mint| ix::update_mint(&authority, &mint, false, 5, 1 << 32));
    pair("market::update_mint", crowd, acts)
}

pub(crate) fn top_up_job(scenes: &Scenes) -> Case {
    both("market::top_up_job", at(scenes, Stage::Running), |world, _, job| {
        world.top_up_instruction(job, 100)
    })
}

pub(crate) fn acknowledge(scenes: &Scenes) -> Case {
    both("market::acknowledge", at(scenes, Stage::Proven), |world, _, job| {
        ix::acknowledge(&world.job(job), 40)
    })
}

pub(crate) fn claim(scenes: &Scenes) -> Case {
    both("market::claim", at(scenes, Stage::Proven), |world, side, job| {
        world.acknowledge(&side.customer, job, 40).expect("a release");
        world.claim_job_instruction(job)
    })
}

pub(crate) fn decline_assignment(scenes: &Scenes) -> Case {
    both(
        "market::decline_assignment",
        at(scenes, Stage::Assigned),
        |world, side, job| ix::decline_assignment(&side.listing.node_key.pubkey(), &world.job(job)),
    )
}

pub(crate) fn end_job(scenes: &Scenes) -> Case {
    both("market::end_job", at(scenes, Stage::Running), |world, side, job| {
        ix::end_job(&side.listing.node_key.pubkey(), &world.job(job))
    })
}
