//! The lines, their points and their tests.

use crate::checklist::{Line, Point};

const fn point(what: &'static str, tests: &'static [&'static str]) -> Point {
    Point { what, tests }
}

/// The security checklist, in its order, and then how markets like this one have failed.
#[rustfmt::skip]
pub(crate) const LINES: &[Line] = &[
    Line { number: "1.", title: "Signer, owner, type, address, relations", points: &[
        point("signer of every account that signs", &["adversarial::signer_authorization"]),
        point("owner of every account", &["adversarial::owner_checks"]),
        point("discriminator and length of every account", &["adversarial::type_cosplay"]),
        point("seeds and canonical bump of every account", &["adversarial::bump_seed_canonicalization", "adversarial::account_data_matching"]),
        point("singletons too", &["registry/leases::a_made_up_network_gives_nobody_the_markets_word", "programs/registry/src/state/network::the_address_is_the_canonical_one", "programs/staking/src/state/params::the_address_is_the_canonical_one", "programs/market/src/state/params::the_address_is_the_canonical_one"]),
        point("relations, in both directions", &["adversarial::pda_sharing", "market/assign::accounts_of_another_provider_are_refused", "market/receipts::accounts_of_another_job_are_refused", "registry/leases::a_node_is_taken_with_its_own_provider_alone", "registry/convictions::a_node_is_convicted_with_its_own_provider_alone", "staking/slashes::a_slash_goes_from_the_pools_own_vault_and_to_the_treasury_of_the_rules"]),
        point("two accounts of one type cannot be exchanged, nor one be passed as two", &["adversarial::account_data_matching", "adversarial::duplicate_mutable_accounts"]),
    ] },
    Line { number: "2.", title: "Close and recreate", points: &[
        point("nothing is revived in the transaction that closes it", &["adversarial::closing_accounts", "adversarial/histories::what_is_closed_stays_closed_whatever_lamports_follow"]),
        point("what is made again begins anew", &["adversarial/histories::a_pool_closed_and_created_in_one_transaction_remembers_nothing", "adversarial/histories::a_position_closed_and_opened_in_one_transaction_earns_nothing_twice", "adversarial/network_themes::an_attestor_removed_and_admitted_in_one_transaction_begins_anew", "registry/provider_changes::a_provider_that_registers_again_at_once_begins_anew", "registry/hardware::a_node_closed_and_listed_again_at_once_begins_anew"]),
        point("job ids come from a counter of the customer, which is never closed", &["adversarial/histories::the_id_of_a_closed_job_is_not_used_again", "market/open::an_id_is_never_used_twice"]),
        point("the rent goes to who paid it, whoever closes", &["adversarial/histories::rent_goes_back_to_who_paid_it_whoever_closes", "adversarial/job_themes::each_rent_goes_back_to_its_own_payer_whoever_closes"]),
    ] },
    Line { number: "3.", title: "Dust", points: &[
        point("dust blocks no close", &["market/open::dust_in_the_vault_goes_to_the_treasury_when_a_job_is_cancelled", "market/settle::dust_in_the_vault_goes_to_the_treasury_and_blocks_nothing", "adversarial/job_themes::one_token_of_dust_changes_no_claim_no_verdict_and_no_close", "staking/closing::an_abandoned_pool_is_closed_with_its_vaults"]),
        point("dust changes no accounting", &["adversarial/job_themes::one_token_of_dust_changes_no_claim_no_verdict_and_no_close", "adversarial/stake_themes::dust_in_a_reward_vault_is_nobodys_revenue", "market/top_up::dust_in_the_vault_does_not_count_as_payment", "staking/positions::tokens_sent_to_the_vault_change_no_price"]),
        point("lamports sent ahead block no creation", &["market/open::lamports_sent_ahead_to_a_jobs_addresses_block_nothing", "registry/network::lamports_sent_to_an_address_ahead_of_time_do_not_block_it", "registry/providers::lamports_sent_ahead_of_time_block_neither_provider_nor_node", "registry/attestors::lamports_sent_ahead_of_time_block_neither_attestor_nor_device", "staking/setup::lamports_sent_ahead_of_time_block_neither_rules_nor_pool_nor_vaults", "staking/positions::lamports_sent_ahead_of_time_do_not_block_a_position"]),
    ] },
    Line { number: "4.", title: "Shares", points: &[
        point("a full slash with shares left", &["staking/slashes::a_full_slash_ends_the_shares_and_the_pool_can_be_used_again_until_the_fourth", "staking/slashes::a_full_slash_leaves_earned_rewards_and_unbonding_stake_their_owners", "programs/staking/src/state/tranche::after_a_full_slash_the_old_shares_take_nothing_of_the_new_stake"]),
        point("inflation by the first depositor", &["adversarial/histories::a_first_depositor_gains_nothing_by_inflating_the_share_price"]),
        point("a queue that is bypassed", &["adversarial/stake_themes::a_request_that_is_made_again_waits_its_whole_time", "adversarial/stake_themes::an_earlier_request_does_not_let_a_later_one_pass", "staking/positions::stake_on_its_way_out_waits_for_the_unbonding_time", "staking/positions::only_what_is_due_leaves"]),
        point("fees rounded against the protocol", &["sdk/core/src/billing::the_protocol_rounds_up_and_the_matcher_down", "sdk/core/src/billing::many_small_claims_come_to_what_one_would", "market/settle::odd_amounts_lose_and_make_no_base_unit", "market/claim::small_claims_take_nothing_from_the_stakers"]),
        point("a slash between request and withdrawal", &["staking/slashes::an_expired_assignment_slashes_active_and_unbonding_stake_in_proportion", "staking/bonds::stake_behind_a_running_job_cannot_be_unstaked", "programs/staking/src/state/pool_tests::cancelling_gives_back_what_a_slash_left"]),
        point("an authority changed in one program and stale in another", &["adversarial/network_themes::a_new_authority_is_known_to_every_program_at_once", "adversarial/network_themes::a_new_council_judges_at_once_and_the_old_one_no_more"]),
    ] },
    Line { number: "5.", title: "Slashing", points: &[
        point("where a slash goes is the state's to say", &["market/end::a_slash_cannot_be_led_elsewhere", "market/equivocation::a_conviction_leads_nothing_elsewhere", "market/resolve::nobody_leads_a_payment_elsewhere", "staking/slashes::a_slash_is_divided_among_customer_reporter_and_treasury"]),
        point("how much is at most the bond", &["staking/slashes::a_slash_takes_at_most_the_bond_and_a_bond_that_is_there", "market/settle_slash::the_shortfall_is_rounded_up_and_ends_at_the_bond", "programs/staking/src/state/pool_tests::a_slash_is_at_most_the_bond_and_the_bond_at_most_what_is_bonded"]),
        point("why is the state's to say", &["market/settle_slash::nothing_is_slashed_without_need", "market/equivocation::receipts_that_agree_or_follow_each_other_convict_nobody", "market/end::only_an_assigned_job_expires", "staking/bonds::nobody_but_the_market_bonds_releases_or_slashes"]),
        point("no fault is slashed twice", &["market/equivocation::a_fault_is_slashed_once", "market/equivocation::a_contradiction_costs_as_much_after_the_job", "adversarial/job_themes::a_node_that_was_slashed_for_an_assignment_is_not_slashed_for_it_again", "market/settle_slash::where_nothing_is_left_of_the_bond_a_settlement_pays_what_there_is"]),
    ] },
    Line { number: "6.", title: "Arithmetic", points: &[
        point("128 bits in between; what does not fit is an error", &["sdk/core/src/lib::overflow_and_zero_divisors_are_refused", "programs/staking/src/state/tranche::mul_div_satisfies_the_definition_of_division", "market/top_up::a_price_times_duration_beyond_a_u64_is_refused", "staking/positions::numbers_beyond_their_range_are_an_error", "staking/rewards::revenue_beyond_its_range_is_an_error"]),
        point("users are rounded down, the protocol up", &["sdk/core/src/lib::division_rounds_in_the_named_direction", "sdk/core/src/billing::deposits_round_up_and_bills_round_down", "sdk/core/src/billing::the_protocol_rounds_up_and_the_matcher_down", "sdk/core/src/bond::the_bond_follows_rate_and_ratio_and_rounds_up"]),
        point("durations are bounded", &["market/setup::terms_out_of_bounds_are_refused", "market/open::jobs_that_ask_for_nonsense_are_refused", "registry/attestors::an_attestation_ends_in_the_future_and_within_400_days", "staking/setup::rules_out_of_range_are_refused"]),
        point("extending a job neither overflows nor backdates", &["market/top_up::a_job_is_extended_up_to_the_markets_longest_and_not_beyond", "market/top_up::a_job_that_has_run_its_time_is_not_extended", "market/top_up::many_small_top_ups_cost_what_one_would"]),
    ] },
    Line { number: "7.", title: "Token-2022", points: &[
        point("an allow list of extensions at admission", &["market/setup::mints_that_could_take_or_trap_money_are_refused", "market/setup::mints_with_harmless_extensions_are_admitted", "staking/setup::a_stake_mint_has_no_extension_that_could_take_tax_or_stop_a_payment"]),
        point("what is credited is what arrived", &["adversarial/job_themes::what_does_not_arrive_is_not_credited", "staking/rewards::revenue_that_has_not_arrived_is_not_shared"]),
        point("the mint is checked at each transfer", &["adversarial::account_data_matching", "market/settle::nobody_leads_a_payment_elsewhere"]),
        point("what was accepted can be paid out", &["market/setup::a_job_is_paid_in_a_token_2022_mint", "market/mints::open_jobs_of_a_disabled_mint_go_on_and_are_paid", "market/payees::all_payees_may_be_frozen", "staking/setup::stake_is_kept_in_a_token_2022_mint_with_metadata"]),
    ] },
    Line { number: "8.", title: "ed25519", points: &[
        point("program, one signature, all three instruction indices, offsets and sizes", &["market/start::any_other_shape_of_the_ed25519_instruction_is_refused", "sdk/core/src/ed25519::only_the_exact_shape_is_read", "market/start::a_signature_over_something_else_does_not_vouch_for_forged_bytes"]),
        point("the instruction right before, in the runtime's own list", &["market/start::a_receipt_comes_right_before_the_instruction_that_reads_it", "market/start::the_list_of_instructions_is_the_runtimes_own", "market/start::one_receipt_serves_one_instruction"]),
        point("short and odd data is an error, never a panic", &["sdk/core/src/receipt::odd_bytes_are_errors_and_never_panics", "market/start::signed_bytes_that_are_no_receipt_are_refused", "market/start::one_flipped_bit_anywhere_in_a_receipt_is_refused"]),
        point("bound to cluster, program, job, assignment and sequence", &["market/start::a_receipt_of_anything_but_this_assignment_is_refused", "market/receipts::a_receipt_of_anything_but_this_assignment_is_refused", "market/receipts::a_receipt_of_an_earlier_assignment_proves_nothing_of_the_next", "market/receipts::a_receipt_is_good_for_once", "market/start::only_the_nodes_own_key_signs_its_receipts"]),
    ] },
    Line { number: "9.", title: "CPI", points: &[
        point("only the programs meant are called", &["adversarial::arbitrary_cpi"]),
        point("what the market calls asks for the market's signature and nobody else's", &["adversarial/network_themes::the_market_signs_its_calls_with_its_own_address_alone"]),
        point("callees take the market's word alone", &["registry/leases::nobody_but_the_market_takes_or_gives_back_a_node", "registry/convictions::nobody_but_the_market_convicts", "staking/bonds::nobody_but_the_market_bonds_releases_or_slashes", "staking/rewards::nobody_but_the_market_shares_revenue"]),
        point("no return data is believed", &["adversarial/network_themes::no_program_reads_what_a_call_returns"]),
    ] },
    Line { number: "10.", title: "Griefing", points: &[
        point("copied proofs", &["adversarial/job_themes::a_copied_proof_gains_its_carrier_nothing", "market/start::anyone_carries_a_receipt_and_an_old_signature_is_as_good"]),
        point("races to assign", &["market/assign::the_second_of_two_matchers_is_told_that_the_job_is_gone", "market/assign::a_node_has_one_job_at_a_time"]),
        point("customers that dispute everything", &["market/dispute::a_dispute_needs_its_bond", "market/resolve::a_verdict_for_the_provider_gives_it_the_customers_bond", "market/dispute::a_dispute_cuts_off_no_second_that_was_served"]),
        point("matchers that pick the dearest node", &["market/assign::a_node_that_does_not_meet_a_requirement_is_refused_and_one_that_just_meets_it_is_not", "market/assign::a_job_is_assigned_only_by_the_matcher_it_names", "market/assign::a_job_goes_only_to_the_node_it_names"]),
        point("nodes that decline for ever", &["market/decline::declining_costs_reputation_and_bars_the_node", "market/decline::a_node_that_declines_three_times_is_suspended", "market/decline::a_node_declines_until_the_start_deadline_and_not_to_escape_the_slash"]),
        point("open jobs that never match", &["market/open::a_stranger_cancels_only_after_the_open_timeout_and_only_to_the_customer", "market/payees::a_frozen_customer_does_not_keep_an_open_job_from_closing"]),
        point("full lists", &["market/assign::a_job_remembers_the_last_four_nodes_that_let_it_down", "adversarial/stake_themes::nobody_fills_the_places_of_another_pool_or_position", "staking/positions::a_position_has_at_most_eight_requests_under_way", "registry/attestors::a_counter_that_is_full_is_an_error"]),
        point("rent bombs", &["adversarial/job_themes::each_rent_goes_back_to_its_own_payer_whoever_closes", "adversarial/histories::rent_goes_back_to_who_paid_it_whoever_closes", "registry/provider_changes::lamports_at_the_address_of_a_pool_make_no_pool"]),
    ] },
    Line { number: "11.", title: "Time", points: &[
        point("windows, to their last second and no longer", &["market/dispute::the_window_is_open_for_its_seconds_and_no_longer", "market/start::a_job_starts_until_the_last_second_of_its_deadline", "market/end::a_silent_node_lapses_a_second_after_its_timeout", "market/vote::votes_are_taken_until_the_deadline", "market/assign::an_attestation_counts_until_the_second_it_ends"]),
        point("a clock that is shifted a little", &["adversarial/job_themes::a_clock_that_goes_back_a_little_ends_nothing_early_and_traps_nothing", "market/start::a_receipt_of_anything_but_this_assignment_is_refused"]),
    ] },
    Line { number: "12.", title: "Classes", points: &[
        point("0-signer-authorization", &["adversarial::signer_authorization"]),
        point("1-account-data-matching", &["adversarial::account_data_matching"]),
        point("2-owner-checks", &["adversarial::owner_checks"]),
        point("3-type-cosplay", &["adversarial::type_cosplay"]),
        point("4-initialization", &["adversarial::initialization_and_reinitialization"]),
        point("5-arbitrary-cpi", &["adversarial::arbitrary_cpi"]),
        point("6-duplicate-mutable-accounts", &["adversarial::duplicate_mutable_accounts"]),
        point("7-bump-seed-canonicalization", &["adversarial::bump_seed_canonicalization"]),
        point("8-pda-sharing", &["adversarial::pda_sharing"]),
        point("9-closing-accounts", &["adversarial::closing_accounts"]),
        point("10-sysvar-address-checking", &["adversarial::sysvar_address_checking"]),
    ] },
    Line { number: "-", title: "Known failures of such markets", points: &[
        point("pooled vaults swept while jobs live", &["adversarial/job_themes::settling_one_job_leaves_the_vault_of_another_alone", "staking/closing::a_pool_that_somebody_is_in_stays"]),
        point("payouts that do not check the job's state", &["adversarial/histories::every_payout_checks_how_far_the_job_is"]),
        point("several runs of one job paid from one vault", &["market/receipts::a_receipt_of_an_earlier_assignment_proves_nothing_of_the_next", "adversarial/histories::the_id_of_a_closed_job_is_not_used_again"]),
        point("a vanished node paid up to the timeout", &["lifecycle::a_node_that_vanishes_is_paid_for_what_it_proved_less_the_credit"]),
        point("hardware claims that nobody checks", &["registry/hardware::new_hardware_voids_the_attestation_and_frees_the_device", "registry/attestors::an_attestor_grants_nothing_beyond_its_scope", "market/assign::an_attestation_counts_until_the_second_it_ends"]),
        point("disputes that do not exist", &["market/dispute::a_dispute_takes_a_bond_and_waits_for_the_council", "market/resolve::a_verdict_for_the_customer_gives_everything_back_and_slashes", "market/resolve::without_a_verdict_the_proven_seconds_are_paid_at_the_deadline"]),
        point("a lease active on chain while the GPU is gone", &["market/end::a_silent_node_lapses_a_second_after_its_timeout", "market/end::three_lapses_in_a_row_suspend_the_node"]),
        point("refunds that fail", &["market/payees::a_frozen_payee_loses_its_part_to_the_treasury", "market/payees::a_frozen_treasury_leaves_its_part_to_the_customer", "market/payees::a_frozen_customer_does_not_keep_an_open_job_from_closing"]),
        point("double payment", &["market/settle::a_job_is_settled_once", "market/claim::a_claim_pays_each_second_once", "market/resolve::only_a_disputed_job_is_resolved_and_once"]),
        point("a GPU listed twice", &["registry/attestors::a_device_belongs_to_one_node_and_a_node_stands_for_one_device", "registry/hardware::a_device_listed_under_a_new_key_keeps_its_history"]),
    ] },
];
