// Made by scripts/api.mjs from the indexer's OpenAPI document: do not edit.

export interface paths {
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process answers. */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Measurements, for Prometheus. */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The tables are there and not far behind. */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/disputes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Disputes; the newest first unless `sort` says otherwise. */
        get: operations["disputes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/disputes/{address}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One dispute, by the address of its account. */
        get: operations["dispute"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events, the newest first unless `sort` says otherwise. Those of slots that were pruned, or that the indexer joined
         *     too late for, are not there.
         */
        get: operations["events"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events as they happen, as server-sent events. A stream that was cut is resumed with the header `last-event-id`, which
         *     browsers send by themselves: nothing is left out and nothing comes twice.
         */
        get: operations["sse"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/ws": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Events as they happen, over WebSocket: one JSON object in each text message. Resumed with `after`. */
        get: operations["ws"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Jobs, closed ones included; the newest first unless `sort` says otherwise. */
        get: operations["jobs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{address}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One job, by the address of its account. */
        get: operations["job"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/jobs/{address}/timeline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All that happened to a job, in the order of the chain. */
        get: operations["timeline"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/mints": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Mints that jobs are paid in. */
        get: operations["mints"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/network": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The settings of the three programs. */
        get: operations["network"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/nodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Nodes. */
        get: operations["nodes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/nodes/{address}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One node, by the address of its account. */
        get: operations["node"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/pools": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Pools of stake. */
        get: operations["pools"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/pools/{address}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One pool, by the address of its account. */
        get: operations["pool"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/positions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Stakers' parts of pools. */
        get: operations["positions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/positions/{address}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One position, by the address of its account. */
        get: operations["position"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/providers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Providers. */
        get: operations["providers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/providers/{address}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One provider, by the address of its account. */
        get: operations["provider"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The market in numbers, counted at most every few seconds where there is much to count: `slot` says of when they are,
         *     `min_slot` asks for newer ones.
         */
        get: operations["stats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description A token amount. */
        Amount: {
            /** @description Base units. */
            amount: string;
            /**
             * Format: int32
             * @description Decimals of the mint; null where the indexer does not know the mint.
             */
            decimals?: number | null;
            /** @description The mint; null where the indexer does not know it. */
            mint?: string | null;
        };
        /** @description Who vouches for a node, and for what. */
        Attestation: {
            /** @description Who vouches; null when nobody does. */
            attestor?: string | null;
            /**
             * Format: int64
             * @description Until when, Unix seconds.
             */
            expires_at: number;
            /** @description `DATACENTER`, `GDPR_DPA`, `ISO27001`, `SOC2`, `CONFIDENTIAL_COMPUTING`, `EEA`. */
            flags: string[];
            /**
             * Format: int32
             * @description 0 self-declared, 1 benchmarked, 2 attested by the vendor's service, 3 inspected on site.
             */
            tier: number;
        };
        /** @description The arbiters of disputes. */
        Council: {
            /** @description Their wallets. */
            arbiters: string[];
            /**
             * Format: int32
             * @description Equal votes that decide a dispute.
             */
            threshold: number;
        };
        /** @description A dispute. */
        Dispute: {
            /** @description Its account. */
            address: string;
            /** @description Bond of the opener. */
            bond: components["schemas"]["Amount"];
            /**
             * Format: int64
             * @description Slot of its last change.
             */
            changed_at_slot: number;
            /** @description Whether it is over and its account gone. */
            closed: boolean;
            /**
             * Format: int64
             * @description When it ends without a verdict, Unix seconds.
             */
            deadline: number;
            /** @description The job. */
            job: string;
            /**
             * Format: int64
             * @description When it was opened, Unix seconds.
             */
            opened_at: number;
            /** @description Who opened it. */
            opener: string;
            /** @description SHA-256 of the reason, hex. */
            reason_hash: string;
            /** @description The votes that were cast. */
            votes: components["schemas"]["Vote"][];
        };
        /** @description An answer. */
        Envelope_Dispute: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            /** @description A dispute. */
            data: {
                /** @description Its account. */
                address: string;
                /** @description Bond of the opener. */
                bond: components["schemas"]["Amount"];
                /**
                 * Format: int64
                 * @description Slot of its last change.
                 */
                changed_at_slot: number;
                /** @description Whether it is over and its account gone. */
                closed: boolean;
                /**
                 * Format: int64
                 * @description When it ends without a verdict, Unix seconds.
                 */
                deadline: number;
                /** @description The job. */
                job: string;
                /**
                 * Format: int64
                 * @description When it was opened, Unix seconds.
                 */
                opened_at: number;
                /** @description Who opened it. */
                opener: string;
                /** @description SHA-256 of the reason, hex. */
                reason_hash: string;
                /** @description The votes that were cast. */
                votes: components["schemas"]["Vote"][];
            };
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Job: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            /** @description A job. */
            data: {
                /** @description Whether the customer has accepted the result. */
                accepted: boolean;
                /** @description Its account. */
                address: string;
                /**
                 * Format: int64
                 * @description Assignments so far.
                 */
                assignment: number;
                /** @description Stake that answers for it, base units of the stake mint. */
                bond: string;
                /**
                 * Format: int64
                 * @description Slot of its last change.
                 */
                changed_at_slot: number;
                /** @description The event that closed it, with what everyone received. */
                closing?: components["schemas"]["Event"];
                /**
                 * Format: int64
                 * @description When it was opened, Unix seconds.
                 */
                created_at: number;
                /** @description The customer's wallet. */
                customer: string;
                /** @description What the customer put in. */
                deposited: components["schemas"]["Amount"];
                /**
                 * Format: int64
                 * @description When it ended, Unix seconds.
                 */
                ended_at?: number | null;
                /**
                 * Format: int32
                 * @description Exit code of its process; null until the result is there.
                 */
                exit_code?: number | null;
                /** @description Its number with its customer. */
                id: string;
                /** @description Who assigned it, or may. */
                matcher?: string | null;
                /**
                 * Format: int64
                 * @description Most seconds to serve.
                 */
                max_duration_seconds: number;
                /** @description Highest price of an hour. */
                max_price_per_hour: components["schemas"]["Amount"];
                /** @description The node that serves it, or that it asks for. */
                node?: string | null;
                /** @description `none`, `completed`, `failed`, `stopped`, `lapsed` or `expired`. */
                outcome: string;
                /** @description SHA-256 of the result's manifest, hex; null until it is there. */
                output_digest?: string | null;
                price_per_hour?: null | components["schemas"]["Amount"];
                /** @description The provider of that node. */
                provider?: string | null;
                /** @description What it asks of its node. */
                requirements: components["schemas"]["Requirements"];
                /** @description Number of the latest receipt. */
                sequence: string;
                /**
                 * Format: int64
                 * @description Seconds proven by receipts.
                 */
                served_seconds: number;
                /** @description SHA-256 of the job spec, hex. */
                spec_hash: string;
                /**
                 * Format: int64
                 * @description When it was started, Unix seconds.
                 */
                started_at?: number | null;
                /** @description `open`, `assigned`, `running`, `finished`, `lapsed`, `disputed`, `resolved`; `closed` once its account is gone. */
                status: string;
            };
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Network: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            /** @description The settings of the three programs. What a program was not yet set up with is null. */
            data: {
                /** @description The registry's account of them. */
                address: string;
                /** @description Whether no assignments are made. */
                assignments_paused: boolean;
                /** @description Who governs. */
                authority: string;
                /**
                 * Format: int64
                 * @description Slot of the last change of the registry's account.
                 */
                changed_at_slot: number;
                /** @description The arbiters of disputes. */
                council: components["schemas"]["Council"];
                /**
                 * Format: int64
                 * @description When the proposed council may be applied, Unix seconds.
                 */
                council_change_at?: number | null;
                /** @description Genesis hash of the cluster, base58. */
                genesis_hash?: string | null;
                /** @description Who may pause, beside the authority. */
                guardian: string;
                /** @description Whether no new jobs are taken. */
                jobs_paused: boolean;
                /** @description Who may accept the authority; null when nothing is proposed. */
                pending_authority?: string | null;
                pending_council?: null | components["schemas"]["Council"];
                pending_terms?: null | components["schemas"]["Terms"];
                staking?: null | components["schemas"]["Staking"];
                terms?: null | components["schemas"]["Terms"];
                /**
                 * Format: int64
                 * @description When the announced terms may be applied, Unix seconds.
                 */
                terms_change_at?: number | null;
                /**
                 * Format: int64
                 * @description Seconds between a proposal and its application.
                 */
                timelock_seconds: number;
            };
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Node: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            /** @description A node. */
            data: components["schemas"]["Record"] & {
                /** @description Its account. */
                address: string;
                /** @description Who vouches for it. */
                attestation: components["schemas"]["Attestation"];
                /**
                 * Format: int64
                 * @description Slot of its last change.
                 */
                changed_at_slot: number;
                /** @description Whether its account is gone. */
                closed: boolean;
                /**
                 * Format: int32
                 * @description Jobs failed since the last that did not.
                 */
                consecutive_failures: number;
                /** @description Country, ISO 3166-1 alpha-2. */
                country: string;
                /** @description The job it runs. */
                current_job?: string | null;
                /** @description What it has. */
                hardware: components["schemas"]["Hardware"];
                /** @description The key that signs its receipts. */
                node_key: string;
                /** @description Price of an hour. */
                price_per_hour: components["schemas"]["Amount"];
                /** @description The provider account it belongs to. */
                provider: string;
                /** @description `available`, `leased`, `draining` or `suspended`. */
                status: string;
            };
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Pool: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            /** @description A provider's pool of stake. */
            data: {
                /** @description Stake that takes jobs. */
                active: components["schemas"]["Amount"];
                /** @description Its account. */
                address: string;
                /** @description Part of the active stake that answers for running jobs. */
                bonded: components["schemas"]["Amount"];
                /**
                 * Format: int64
                 * @description Slot of its last change.
                 */
                changed_at_slot: number;
                /** @description Whether its account is gone. */
                closed: boolean;
                /**
                 * Format: int32
                 * @description Share of the revenue that the provider keeps, basis points.
                 */
                commission_bps: number;
                /**
                 * Format: int64
                 * @description Stakers.
                 */
                positions: number;
                /** @description The provider account. */
                provider: string;
                /** @description Revenue shared so far. */
                rewards_total: components["schemas"]["Amount"];
                /** @description Revenue that stakers have not claimed. */
                rewards_unclaimed: components["schemas"]["Amount"];
                /** @description Slashed so far. */
                slashed_total: components["schemas"]["Amount"];
                /** @description Stake on its way out. */
                unbonding: components["schemas"]["Amount"];
            };
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Position: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            /** @description A staker's part of a pool. */
            data: {
                /** @description Its account. */
                address: string;
                /**
                 * Format: int64
                 * @description Slot of its last change.
                 */
                changed_at_slot: number;
                /** @description Whether its account is gone. */
                closed: boolean;
                /** @description Who staked. */
                owner: string;
                /** @description The pool. */
                pool: string;
                /** @description The provider of that pool; null where the indexer does not know the pool. */
                provider?: string | null;
                /** @description Revenue to claim, as counted when the position last changed. */
                rewards_owed: components["schemas"]["Amount"];
                /** @description Shares of the pool's active stake. */
                shares: string;
                /** @description Stake on its way out, oldest first. */
                unbonding: components["schemas"]["Unbonding"][];
                /** @description Whether the pool was slashed to nothing since, so that the shares are worth nothing. */
                wiped: boolean;
            };
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Provider: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            /** @description A provider. */
            data: components["schemas"]["Record"] & {
                /**
                 * Format: int64
                 * @description Nodes that run a job now.
                 */
                active_leases: number;
                /** @description Its account. */
                address: string;
                /** @description Its wallet. */
                authority: string;
                /**
                 * Format: int64
                 * @description Slot of its last change.
                 */
                changed_at_slot: number;
                /** @description Whether its account is gone. */
                closed: boolean;
                /**
                 * Format: int64
                 * @description Disputes decided against it.
                 */
                disputes_lost: number;
                /**
                 * Format: int64
                 * @description Nodes listed now.
                 */
                node_count: number;
                /** @description Owner of the token accounts that payouts go to. */
                payout_owner: string;
                /**
                 * Format: int64
                 * @description When it registered, Unix seconds.
                 */
                registered_at: number;
            };
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Stats: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            /** @description `/v1/stats`. */
            data: {
                active_stake?: null | components["schemas"]["Amount"];
                /**
                 * Format: int64
                 * @description Events recorded.
                 */
                events: number;
                /**
                 * Format: int64
                 * @description GPUs in the nodes listed now.
                 */
                gpus: number;
                /** @description Jobs by status, those that closed included. */
                jobs: {
                    [key: string]: number;
                };
                /**
                 * Format: int64
                 * @description Nodes listed now.
                 */
                nodes: number;
                /**
                 * Format: int64
                 * @description Of these, those that take jobs.
                 */
                nodes_available: number;
                /**
                 * Format: int64
                 * @description Of these, those that run one.
                 */
                nodes_leased: number;
                /**
                 * Format: int64
                 * @description Providers registered now.
                 */
                providers: number;
                /** @description Money by mint. */
                volume: components["schemas"]["Volume"][];
            };
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Vec_Dispute: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            data: {
                /** @description Its account. */
                address: string;
                /** @description Bond of the opener. */
                bond: components["schemas"]["Amount"];
                /**
                 * Format: int64
                 * @description Slot of its last change.
                 */
                changed_at_slot: number;
                /** @description Whether it is over and its account gone. */
                closed: boolean;
                /**
                 * Format: int64
                 * @description When it ends without a verdict, Unix seconds.
                 */
                deadline: number;
                /** @description The job. */
                job: string;
                /**
                 * Format: int64
                 * @description When it was opened, Unix seconds.
                 */
                opened_at: number;
                /** @description Who opened it. */
                opener: string;
                /** @description SHA-256 of the reason, hex. */
                reason_hash: string;
                /** @description The votes that were cast. */
                votes: components["schemas"]["Vote"][];
            }[];
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Vec_Event: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            data: {
                /**
                 * Format: int64
                 * @description Time of the block, Unix seconds.
                 */
                block_time?: number | null;
                /** @description Its details: keys in base58, hashes in hex, 64-bit integers as strings. */
                data: Record<string, never>;
                /**
                 * Format: int32
                 * @description Place in the transaction.
                 */
                index: number;
                /** @description What happened. */
                name: string;
                /** @description The program that reported it. */
                program: string;
                /** @description The transaction. */
                signature: string;
                /**
                 * Format: int64
                 * @description Slot.
                 */
                slot: number;
                /**
                 * Format: int64
                 * @description Place of the transaction in its block.
                 */
                transaction_index: number;
            }[];
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Vec_Job: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            data: {
                /** @description Whether the customer has accepted the result. */
                accepted: boolean;
                /** @description Its account. */
                address: string;
                /**
                 * Format: int64
                 * @description Assignments so far.
                 */
                assignment: number;
                /** @description Stake that answers for it, base units of the stake mint. */
                bond: string;
                /**
                 * Format: int64
                 * @description Slot of its last change.
                 */
                changed_at_slot: number;
                /** @description The event that closed it, with what everyone received. */
                closing?: components["schemas"]["Event"];
                /**
                 * Format: int64
                 * @description When it was opened, Unix seconds.
                 */
                created_at: number;
                /** @description The customer's wallet. */
                customer: string;
                /** @description What the customer put in. */
                deposited: components["schemas"]["Amount"];
                /**
                 * Format: int64
                 * @description When it ended, Unix seconds.
                 */
                ended_at?: number | null;
                /**
                 * Format: int32
                 * @description Exit code of its process; null until the result is there.
                 */
                exit_code?: number | null;
                /** @description Its number with its customer. */
                id: string;
                /** @description Who assigned it, or may. */
                matcher?: string | null;
                /**
                 * Format: int64
                 * @description Most seconds to serve.
                 */
                max_duration_seconds: number;
                /** @description Highest price of an hour. */
                max_price_per_hour: components["schemas"]["Amount"];
                /** @description The node that serves it, or that it asks for. */
                node?: string | null;
                /** @description `none`, `completed`, `failed`, `stopped`, `lapsed` or `expired`. */
                outcome: string;
                /** @description SHA-256 of the result's manifest, hex; null until it is there. */
                output_digest?: string | null;
                price_per_hour?: null | components["schemas"]["Amount"];
                /** @description The provider of that node. */
                provider?: string | null;
                /** @description What it asks of its node. */
                requirements: components["schemas"]["Requirements"];
                /** @description Number of the latest receipt. */
                sequence: string;
                /**
                 * Format: int64
                 * @description Seconds proven by receipts.
                 */
                served_seconds: number;
                /** @description SHA-256 of the job spec, hex. */
                spec_hash: string;
                /**
                 * Format: int64
                 * @description When it was started, Unix seconds.
                 */
                started_at?: number | null;
                /** @description `open`, `assigned`, `running`, `finished`, `lapsed`, `disputed`, `resolved`; `closed` once its account is gone. */
                status: string;
            }[];
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Vec_JobEvent: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            data: (components["schemas"]["Event"] & {
                /**
                 * @description What it moved, by the name of the amount: base units, of the stake mint for `slashed` and what comes of it, else of
                 *     the job's mint.
                 */
                amounts: {
                    [key: string]: string;
                };
            })[];
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Vec_Mint: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            data: {
                /** @description The market's account of it. */
                address: string;
                /**
                 * Format: int64
                 * @description Slot of its last change.
                 */
                changed_at_slot: number;
                /**
                 * Format: int32
                 * @description Decimals.
                 */
                decimals: number;
                /** @description Whether new jobs may use it. */
                enabled: boolean;
                /** @description Least price of an hour. */
                minimum_price: components["schemas"]["Amount"];
                /** @description The mint. */
                mint: string;
                /** @description Stake units per payment unit, Q32.32. */
                stake_rate: string;
                /** @description Its token program. */
                token_program: string;
            }[];
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Vec_Node: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            data: (components["schemas"]["Record"] & {
                /** @description Its account. */
                address: string;
                /** @description Who vouches for it. */
                attestation: components["schemas"]["Attestation"];
                /**
                 * Format: int64
                 * @description Slot of its last change.
                 */
                changed_at_slot: number;
                /** @description Whether its account is gone. */
                closed: boolean;
                /**
                 * Format: int32
                 * @description Jobs failed since the last that did not.
                 */
                consecutive_failures: number;
                /** @description Country, ISO 3166-1 alpha-2. */
                country: string;
                /** @description The job it runs. */
                current_job?: string | null;
                /** @description What it has. */
                hardware: components["schemas"]["Hardware"];
                /** @description The key that signs its receipts. */
                node_key: string;
                /** @description Price of an hour. */
                price_per_hour: components["schemas"]["Amount"];
                /** @description The provider account it belongs to. */
                provider: string;
                /** @description `available`, `leased`, `draining` or `suspended`. */
                status: string;
            })[];
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Vec_Pool: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            data: {
                /** @description Stake that takes jobs. */
                active: components["schemas"]["Amount"];
                /** @description Its account. */
                address: string;
                /** @description Part of the active stake that answers for running jobs. */
                bonded: components["schemas"]["Amount"];
                /**
                 * Format: int64
                 * @description Slot of its last change.
                 */
                changed_at_slot: number;
                /** @description Whether its account is gone. */
                closed: boolean;
                /**
                 * Format: int32
                 * @description Share of the revenue that the provider keeps, basis points.
                 */
                commission_bps: number;
                /**
                 * Format: int64
                 * @description Stakers.
                 */
                positions: number;
                /** @description The provider account. */
                provider: string;
                /** @description Revenue shared so far. */
                rewards_total: components["schemas"]["Amount"];
                /** @description Revenue that stakers have not claimed. */
                rewards_unclaimed: components["schemas"]["Amount"];
                /** @description Slashed so far. */
                slashed_total: components["schemas"]["Amount"];
                /** @description Stake on its way out. */
                unbonding: components["schemas"]["Amount"];
            }[];
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Vec_Position: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            data: {
                /** @description Its account. */
                address: string;
                /**
                 * Format: int64
                 * @description Slot of its last change.
                 */
                changed_at_slot: number;
                /** @description Whether its account is gone. */
                closed: boolean;
                /** @description Who staked. */
                owner: string;
                /** @description The pool. */
                pool: string;
                /** @description The provider of that pool; null where the indexer does not know the pool. */
                provider?: string | null;
                /** @description Revenue to claim, as counted when the position last changed. */
                rewards_owed: components["schemas"]["Amount"];
                /** @description Shares of the pool's active stake. */
                shares: string;
                /** @description Stake on its way out, oldest first. */
                unbonding: components["schemas"]["Unbonding"][];
                /** @description Whether the pool was slashed to nothing since, so that the shares are worth nothing. */
                wiped: boolean;
            }[];
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description An answer. */
        Envelope_Vec_Provider: {
            /** @description What that slot has reached: always `confirmed`. */
            commitment: string;
            data: (components["schemas"]["Record"] & {
                /**
                 * Format: int64
                 * @description Nodes that run a job now.
                 */
                active_leases: number;
                /** @description Its account. */
                address: string;
                /** @description Its wallet. */
                authority: string;
                /**
                 * Format: int64
                 * @description Slot of its last change.
                 */
                changed_at_slot: number;
                /** @description Whether its account is gone. */
                closed: boolean;
                /**
                 * Format: int64
                 * @description Disputes decided against it.
                 */
                disputes_lost: number;
                /**
                 * Format: int64
                 * @description Nodes listed now.
                 */
                node_count: number;
                /** @description Owner of the token accounts that payouts go to. */
                payout_owner: string;
                /**
                 * Format: int64
                 * @description When it registered, Unix seconds.
                 */
                registered_at: number;
            })[];
            /**
             * Format: int64
             * @description Everything up to this slot is final; what a later slot changed may be taken back.
             */
            finalized_slot: number;
            /**
             * Format: int64
             * @description Slots that the stream is ahead of the data; absent where this process does not follow the stream.
             */
            lag_slots?: number;
            /** @description Pass it as `cursor` for what comes next; absent on the last page. */
            next_cursor?: string;
            /**
             * Format: int64
             * @description The slot that the data is from.
             */
            slot: number;
        };
        /** @description Something that happened. */
        Event: {
            /**
             * Format: int64
             * @description Time of the block, Unix seconds.
             */
            block_time?: number | null;
            /** @description Its details: keys in base58, hashes in hex, 64-bit integers as strings. */
            data: Record<string, never>;
            /**
             * Format: int32
             * @description Place in the transaction.
             */
            index: number;
            /** @description What happened. */
            name: string;
            /** @description The program that reported it. */
            program: string;
            /** @description The transaction. */
            signature: string;
            /**
             * Format: int64
             * @description Slot.
             */
            slot: number;
            /**
             * Format: int64
             * @description Place of the transaction in its block.
             */
            transaction_index: number;
        };
        /** @description What a node has. */
        Hardware: {
            /**
             * Format: int32
             * @description CPU cores.
             */
            cpu_cores: number;
            /**
             * Format: int64
             * @description Disk, GiB.
             */
            disk_gib: number;
            /**
             * Format: int32
             * @description GPUs.
             */
            gpu_count: number;
            /**
             * Format: int32
             * @description GPU model code of the SDK's catalogue; 0 for none.
             */
            gpu_model: number;
            /**
             * Format: int64
             * @description Bandwidth, Mbit/s.
             */
            mbps: number;
            /**
             * Format: int32
             * @description Main memory, GiB.
             */
            ram_gib: number;
            /**
             * Format: int32
             * @description Memory of each GPU, GiB.
             */
            vram_gib: number;
        };
        /** @description A job. */
        Job: {
            /** @description Whether the customer has accepted the result. */
            accepted: boolean;
            /** @description Its account. */
            address: string;
            /**
             * Format: int64
             * @description Assignments so far.
             */
            assignment: number;
            /** @description Stake that answers for it, base units of the stake mint. */
            bond: string;
            /**
             * Format: int64
             * @description Slot of its last change.
             */
            changed_at_slot: number;
            /** @description The event that closed it, with what everyone received. */
            closing?: components["schemas"]["Event"];
            /**
             * Format: int64
             * @description When it was opened, Unix seconds.
             */
            created_at: number;
            /** @description The customer's wallet. */
            customer: string;
            /** @description What the customer put in. */
            deposited: components["schemas"]["Amount"];
            /**
             * Format: int64
             * @description When it ended, Unix seconds.
             */
            ended_at?: number | null;
            /**
             * Format: int32
             * @description Exit code of its process; null until the result is there.
             */
            exit_code?: number | null;
            /** @description Its number with its customer. */
            id: string;
            /** @description Who assigned it, or may. */
            matcher?: string | null;
            /**
             * Format: int64
             * @description Most seconds to serve.
             */
            max_duration_seconds: number;
            /** @description Highest price of an hour. */
            max_price_per_hour: components["schemas"]["Amount"];
            /** @description The node that serves it, or that it asks for. */
            node?: string | null;
            /** @description `none`, `completed`, `failed`, `stopped`, `lapsed` or `expired`. */
            outcome: string;
            /** @description SHA-256 of the result's manifest, hex; null until it is there. */
            output_digest?: string | null;
            price_per_hour?: null | components["schemas"]["Amount"];
            /** @description The provider of that node. */
            provider?: string | null;
            /** @description What it asks of its node. */
            requirements: components["schemas"]["Requirements"];
            /** @description Number of the latest receipt. */
            sequence: string;
            /**
             * Format: int64
             * @description Seconds proven by receipts.
             */
            served_seconds: number;
            /** @description SHA-256 of the job spec, hex. */
            spec_hash: string;
            /**
             * Format: int64
             * @description When it was started, Unix seconds.
             */
            started_at?: number | null;
            /** @description `open`, `assigned`, `running`, `finished`, `lapsed`, `disputed`, `resolved`; `closed` once its account is gone. */
            status: string;
        };
        /** @description An event of a job's life. */
        JobEvent: components["schemas"]["Event"] & {
            /**
             * @description What it moved, by the name of the amount: base units, of the stake mint for `slashed` and what comes of it, else of
             *     the job's mint.
             */
            amounts: {
                [key: string]: string;
            };
        };
        /** @description A mint that jobs may be paid in. */
        Mint: {
            /** @description The market's account of it. */
            address: string;
            /**
             * Format: int64
             * @description Slot of its last change.
             */
            changed_at_slot: number;
            /**
             * Format: int32
             * @description Decimals.
             */
            decimals: number;
            /** @description Whether new jobs may use it. */
            enabled: boolean;
            /** @description Least price of an hour. */
            minimum_price: components["schemas"]["Amount"];
            /** @description The mint. */
            mint: string;
            /** @description Stake units per payment unit, Q32.32. */
            stake_rate: string;
            /** @description Its token program. */
            token_program: string;
        };
        /** @description The settings of the three programs. What a program was not yet set up with is null. */
        Network: {
            /** @description The registry's account of them. */
            address: string;
            /** @description Whether no assignments are made. */
            assignments_paused: boolean;
            /** @description Who governs. */
            authority: string;
            /**
             * Format: int64
             * @description Slot of the last change of the registry's account.
             */
            changed_at_slot: number;
            /** @description The arbiters of disputes. */
            council: components["schemas"]["Council"];
            /**
             * Format: int64
             * @description When the proposed council may be applied, Unix seconds.
             */
            council_change_at?: number | null;
            /** @description Genesis hash of the cluster, base58. */
            genesis_hash?: string | null;
            /** @description Who may pause, beside the authority. */
            guardian: string;
            /** @description Whether no new jobs are taken. */
            jobs_paused: boolean;
            /** @description Who may accept the authority; null when nothing is proposed. */
            pending_authority?: string | null;
            pending_council?: null | components["schemas"]["Council"];
            pending_terms?: null | components["schemas"]["Terms"];
            staking?: null | components["schemas"]["Staking"];
            terms?: null | components["schemas"]["Terms"];
            /**
             * Format: int64
             * @description When the announced terms may be applied, Unix seconds.
             */
            terms_change_at?: number | null;
            /**
             * Format: int64
             * @description Seconds between a proposal and its application.
             */
            timelock_seconds: number;
        };
        /** @description A node. */
        Node: components["schemas"]["Record"] & {
            /** @description Its account. */
            address: string;
            /** @description Who vouches for it. */
            attestation: components["schemas"]["Attestation"];
            /**
             * Format: int64
             * @description Slot of its last change.
             */
            changed_at_slot: number;
            /** @description Whether its account is gone. */
            closed: boolean;
            /**
             * Format: int32
             * @description Jobs failed since the last that did not.
             */
            consecutive_failures: number;
            /** @description Country, ISO 3166-1 alpha-2. */
            country: string;
            /** @description The job it runs. */
            current_job?: string | null;
            /** @description What it has. */
            hardware: components["schemas"]["Hardware"];
            /** @description The key that signs its receipts. */
            node_key: string;
            /** @description Price of an hour. */
            price_per_hour: components["schemas"]["Amount"];
            /** @description The provider account it belongs to. */
            provider: string;
            /** @description `available`, `leased`, `draining` or `suspended`. */
            status: string;
        };
        /** @description A provider's pool of stake. */
        Pool: {
            /** @description Stake that takes jobs. */
            active: components["schemas"]["Amount"];
            /** @description Its account. */
            address: string;
            /** @description Part of the active stake that answers for running jobs. */
            bonded: components["schemas"]["Amount"];
            /**
             * Format: int64
             * @description Slot of its last change.
             */
            changed_at_slot: number;
            /** @description Whether its account is gone. */
            closed: boolean;
            /**
             * Format: int32
             * @description Share of the revenue that the provider keeps, basis points.
             */
            commission_bps: number;
            /**
             * Format: int64
             * @description Stakers.
             */
            positions: number;
            /** @description The provider account. */
            provider: string;
            /** @description Revenue shared so far. */
            rewards_total: components["schemas"]["Amount"];
            /** @description Revenue that stakers have not claimed. */
            rewards_unclaimed: components["schemas"]["Amount"];
            /** @description Slashed so far. */
            slashed_total: components["schemas"]["Amount"];
            /** @description Stake on its way out. */
            unbonding: components["schemas"]["Amount"];
        };
        /** @description A staker's part of a pool. */
        Position: {
            /** @description Its account. */
            address: string;
            /**
             * Format: int64
             * @description Slot of its last change.
             */
            changed_at_slot: number;
            /** @description Whether its account is gone. */
            closed: boolean;
            /** @description Who staked. */
            owner: string;
            /** @description The pool. */
            pool: string;
            /** @description The provider of that pool; null where the indexer does not know the pool. */
            provider?: string | null;
            /** @description Revenue to claim, as counted when the position last changed. */
            rewards_owed: components["schemas"]["Amount"];
            /** @description Shares of the pool's active stake. */
            shares: string;
            /** @description Stake on its way out, oldest first. */
            unbonding: components["schemas"]["Unbonding"][];
            /** @description Whether the pool was slashed to nothing since, so that the shares are worth nothing. */
            wiped: boolean;
        };
        /** @description What a request is refused with. */
        Problem: {
            /** @description What is wrong with this request, and what to do. */
            detail: string;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description What the kind means. */
            title: string;
            /** @description Names the kind of problem. */
            type: string;
        };
        /** @description A provider. */
        Provider: components["schemas"]["Record"] & {
            /**
             * Format: int64
             * @description Nodes that run a job now.
             */
            active_leases: number;
            /** @description Its account. */
            address: string;
            /** @description Its wallet. */
            authority: string;
            /**
             * Format: int64
             * @description Slot of its last change.
             */
            changed_at_slot: number;
            /** @description Whether its account is gone. */
            closed: boolean;
            /**
             * Format: int64
             * @description Disputes decided against it.
             */
            disputes_lost: number;
            /**
             * Format: int64
             * @description Nodes listed now.
             */
            node_count: number;
            /** @description Owner of the token accounts that payouts go to. */
            payout_owner: string;
            /**
             * Format: int64
             * @description When it registered, Unix seconds.
             */
            registered_at: number;
        };
        /** @description How the jobs of a node or a provider went. */
        Record: {
            /**
             * Format: int64
             * @description Jobs that ended as they should.
             */
            jobs_completed: number;
            /**
             * Format: int64
             * @description Jobs that did not.
             */
            jobs_failed: number;
            /**
             * Format: int64
             * @description Seconds those jobs were entitled to.
             */
            promised_seconds: number;
            /**
             * Format: int32
             * @description What that comes to, basis points.
             */
            reputation_bps: number;
            /**
             * Format: int64
             * @description Seconds served over all jobs.
             */
            served_seconds: number;
        };
        /** @description What a job asks of its node. */
        Requirements: {
            /** @description Countries, any of which will do; empty for anywhere. */
            countries: string[];
            /**
             * Format: int64
             * @description Least disk, GiB.
             */
            disk_gib: number;
            /** @description Flags that must all be attested. */
            flags: string[];
            /**
             * Format: int32
             * @description Least number of GPUs.
             */
            gpu_count: number;
            /** @description GPU model codes, any of which will do; empty for any. */
            gpu_models: number[];
            /**
             * Format: int64
             * @description Least bandwidth, Mbit/s.
             */
            mbps: number;
            /**
             * Format: int32
             * @description Least main memory, GiB.
             */
            ram_gib: number;
            /**
             * Format: int32
             * @description Least reputation, basis points.
             */
            reputation_bps: number;
            /**
             * Format: int32
             * @description Least tier.
             */
            tier: number;
            /**
             * Format: int32
             * @description Least memory of each GPU, GiB.
             */
            vram_gib: number;
        };
        /** @description What the uptime that is missing costs a provider. */
        SlaCredit: {
            /**
             * Format: int64
             * @description Basis points of the bill that the customer gets back.
             */
            credit_bps: number;
            /**
             * Format: int64
             * @description Basis points that the uptime is below the job's target.
             */
            shortfall_bps: number;
        };
        /** @description The settings of the staking program. */
        Staking: {
            /**
             * Format: int64
             * @description Seconds of notice before a commission rises.
             */
            commission_notice_seconds: number;
            /** @description Least active stake of a pool that takes jobs. */
            minimum_pool_stake: components["schemas"]["Amount"];
            /** @description Least deposit of one staker. */
            minimum_position_stake: components["schemas"]["Amount"];
            /**
             * Format: int32
             * @description Share of a slash that goes to the harmed customer, basis points.
             */
            slash_customer_bps: number;
            /**
             * Format: int32
             * @description Share of a slash that goes to who reported it, basis points; the treasury gets the rest.
             */
            slash_reporter_bps: number;
            /** @description Mint of the stake. */
            stake_mint: string;
            /**
             * Format: int64
             * @description Seconds between a request to unstake and the withdrawal.
             */
            unbonding_seconds: number;
        };
        /** @description `/v1/stats`. */
        Stats: {
            active_stake?: null | components["schemas"]["Amount"];
            /**
             * Format: int64
             * @description Events recorded.
             */
            events: number;
            /**
             * Format: int64
             * @description GPUs in the nodes listed now.
             */
            gpus: number;
            /** @description Jobs by status, those that closed included. */
            jobs: {
                [key: string]: number;
            };
            /**
             * Format: int64
             * @description Nodes listed now.
             */
            nodes: number;
            /**
             * Format: int64
             * @description Of these, those that take jobs.
             */
            nodes_available: number;
            /**
             * Format: int64
             * @description Of these, those that run one.
             */
            nodes_leased: number;
            /**
             * Format: int64
             * @description Providers registered now.
             */
            providers: number;
            /** @description Money by mint. */
            volume: components["schemas"]["Volume"][];
        };
        /** @description A message of the WebSocket. Server-sent events carry the same as `id`, `event` and `data`. */
        StreamMessage: {
            /** @description The event as `/v1/events` gives it, or its `slot`, `signature`, `index` and `name`, or `slot` alone. */
            data: Record<string, never>;
            /** @description Pass it as `after`, or as the header `last-event-id`, for what comes after this message. An epoch and a number. */
            id: string;
            /**
             * @description `start`: where the stream begins. `event`: something happened. `undone`: the event of this `signature` and `index`
             *     was on a fork that was abandoned; it may be one that the filter left out. `rollback`: all after `slot` was taken back.
             *     `finalized`: everything up to `slot` is final. `snapshot`: events between the slot before and `slot` may be missing.
             */
            type: string;
        };
        /** @description The numbers that the market runs by. */
        Terms: {
            /**
             * Format: int64
             * @description Seconds after which a dispute without a verdict ends.
             */
            arbitration_timeout: number;
            /**
             * Format: int64
             * @description Bond behind a job, basis points of its highest bill converted to stake units.
             */
            bond_ratio_bps: number;
            /** @description Bond that opens a dispute, base units of the job's mint. */
            dispute_bond: string;
            /**
             * Format: int64
             * @description Seconds after a job's end in which its customer may dispute it.
             */
            dispute_window: number;
            /**
             * Format: int64
             * @description The treasury's share of what is earned, basis points.
             */
            fee_bps: number;
            /**
             * Format: int64
             * @description The matcher's share of what is earned, basis points.
             */
            matcher_fee_bps: number;
            /**
             * Format: int64
             * @description Most seconds that a job may run.
             */
            max_duration: number;
            /**
             * Format: int64
             * @description Most seconds that a job may allow between proofs.
             */
            max_proof_timeout: number;
            /**
             * Format: int64
             * @description Most seconds that a job may give its node to start.
             */
            max_start_deadline: number;
            /**
             * Format: int64
             * @description Least seconds that a job may allow between proofs.
             */
            min_proof_timeout: number;
            /**
             * Format: int64
             * @description Least seconds that a job may give its node to start.
             */
            min_start_deadline: number;
            /**
             * Format: int64
             * @description Seconds after which anyone may close a job that was never served.
             */
            open_timeout: number;
            /** @description SLA credits by shortfall. */
            sla: components["schemas"]["SlaCredit"][];
        };
        /** @description Stake on its way out. */
        Unbonding: {
            /** @description Shares of the pool's unbonding stake. */
            shares: string;
            /**
             * Format: int64
             * @description When it may be withdrawn, Unix seconds.
             */
            unlocks_at: number;
        };
        /** @description What was paid in one mint. */
        Volume: {
            /** @description Billed. */
            billed: components["schemas"]["Amount"];
            /** @description In escrow now. */
            escrowed: components["schemas"]["Amount"];
            /** @description Seconds paid for. */
            paid_seconds: string;
            /**
             * Format: int64
             * @description Jobs settled.
             */
            settled_jobs: number;
        };
        /** @description An arbiter's vote. */
        Vote: {
            /**
             * Format: int32
             * @description Place of the arbiter in the council, from 0.
             */
            arbiter: number;
            /**
             * Format: int32
             * @description Share of the bill that the provider keeps, basis points.
             */
            provider_share_bps: number;
            /**
             * Format: int32
             * @description Share of the job's bond that is slashed, basis points.
             */
            slash_bps: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It does */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Measurements */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
        };
    };
    readyz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They are */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description They are not */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    disputes: {
        parameters: {
            query?: {
                /** @description The job. */
                job?: string;
                /** @description Who opened it. */
                opener?: string;
                /** @description The customer of the job. */
                customer?: string;
                /** @description The provider account of the job's node. */
                provider?: string;
                /** @description Only those that are over, or only the others. */
                closed?: boolean;
                /** @description Order of the list; `-` before it for descending. */
                sort?: string;
                /** @description Most items of the page; 50 where it is not given. */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters and order. */
                cursor?: string;
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Disputes */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Vec_Dispute"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    dispute: {
        parameters: {
            query?: {
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path: {
                /** @description Address of the account, 32 bytes in base58 */
                address: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The dispute */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Dispute"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    events: {
        parameters: {
            query?: {
                /** @description Its name, such as `JobSettled`. */
                name?: string;
                /** @description The program that reported it. */
                program?: string;
                /** @description An account, wallet or mint that it names. */
                account?: string;
                /** @description The job that it is about. */
                job?: string;
                /** @description Its first slot. */
                from_slot?: number;
                /** @description Its last slot. */
                to_slot?: number;
                /** @description Order of the list; `-` before it for descending. */
                sort?: string;
                /** @description Most items of the page; 50 where it is not given. */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters and order. */
                cursor?: string;
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Vec_Event"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    sse: {
        parameters: {
            query?: {
                /** @description Its name, such as `JobSettled`. */
                name?: string;
                /** @description The program that reported it. */
                program?: string;
                /** @description An account, wallet or mint that it names. */
                account?: string;
                /** @description The job that it is about. */
                job?: string;
                /**
                 * @description The id after which the stream begins; at what comes next where it is not given. The header `last-event-id` goes
                 *     before it.
                 */
                after?: string;
            };
            header?: {
                /** @description Id of the last message that was received */
                "last-event-id"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Messages */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": components["schemas"]["StreamMessage"];
                };
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description What follows the event id is no longer kept */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    ws: {
        parameters: {
            query?: {
                /** @description Its name, such as `JobSettled`. */
                name?: string;
                /** @description The program that reported it. */
                program?: string;
                /** @description An account, wallet or mint that it names. */
                account?: string;
                /** @description The job that it is about. */
                job?: string;
                /**
                 * @description The id after which the stream begins; at what comes next where it is not given. The header `last-event-id` goes
                 *     before it.
                 */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Messages */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StreamMessage"];
                };
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description What follows the event id is no longer kept */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The connection cannot be upgraded */
            426: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    jobs: {
        parameters: {
            query?: {
                /** @description Its status. */
                status?: string;
                /** @description The customer's wallet. */
                customer?: string;
                /** @description The provider account of its node. */
                provider?: string;
                /** @description Its node. */
                node?: string;
                /** @description The mint that it is paid in. */
                mint?: string;
                /** @description A country that it allows by name, ISO 3166-1 alpha-2. */
                country?: string;
                /** @description Order of the list; `-` before it for descending. */
                sort?: string;
                /** @description Most items of the page; 50 where it is not given. */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters and order. */
                cursor?: string;
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Jobs */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Vec_Job"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    job: {
        parameters: {
            query?: {
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path: {
                /** @description Address of the account, 32 bytes in base58 */
                address: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Job"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    timeline: {
        parameters: {
            query?: {
                /** @description Most items of the page; 500 where it is not given. */
                limit?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path: {
                /** @description Address of the account, 32 bytes in base58 */
                address: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What happened */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Vec_JobEvent"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    mints: {
        parameters: {
            query?: {
                /** @description Only those that new jobs may use, or only the others. */
                enabled?: boolean;
                /** @description Order of the list; `-` before it for descending. */
                sort?: string;
                /** @description Most items of the page; 50 where it is not given. */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters and order. */
                cursor?: string;
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Mints */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Vec_Mint"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    network: {
        parameters: {
            query?: {
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The settings */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Network"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    nodes: {
        parameters: {
            query?: {
                /** @description The provider account that the node belongs to. */
                provider?: string;
                /** @description The mint that its price is in. */
                mint?: string;
                /** @description Its status. */
                status?: string;
                /** @description Its country, ISO 3166-1 alpha-2. */
                country?: string;
                /** @description Its least tier. */
                min_tier?: number;
                /** @description GPU model code of the SDK's catalogue. */
                gpu_model?: number;
                /** @description Those whose account is gone, in place of those that are there. */
                closed?: boolean;
                /** @description Order of the list; `-` before it for descending. */
                sort?: string;
                /** @description Most items of the page; 50 where it is not given. */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters and order. */
                cursor?: string;
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nodes */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Vec_Node"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    node: {
        parameters: {
            query?: {
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path: {
                /** @description Address of the account, 32 bytes in base58 */
                address: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The node */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Node"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pools: {
        parameters: {
            query?: {
                /** @description The provider account. */
                provider?: string;
                /** @description Those whose account is gone, in place of those that are there. */
                closed?: boolean;
                /** @description Order of the list; `-` before it for descending. */
                sort?: string;
                /** @description Most items of the page; 50 where it is not given. */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters and order. */
                cursor?: string;
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Pools */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Vec_Pool"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pool: {
        parameters: {
            query?: {
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path: {
                /** @description Address of the account, 32 bytes in base58 */
                address: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pool */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Pool"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    positions: {
        parameters: {
            query?: {
                /** @description Who staked. */
                owner?: string;
                /** @description The pool. */
                pool?: string;
                /** @description Those whose account is gone, in place of those that are there. */
                closed?: boolean;
                /** @description Order of the list; `-` before it for descending. */
                sort?: string;
                /** @description Most items of the page; 50 where it is not given. */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters and order. */
                cursor?: string;
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Positions */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Vec_Position"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    position: {
        parameters: {
            query?: {
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path: {
                /** @description Address of the account, 32 bytes in base58 */
                address: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The position */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Position"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    providers: {
        parameters: {
            query?: {
                /** @description The provider's wallet. */
                authority?: string;
                /** @description Those whose account is gone, in place of those that are there. */
                closed?: boolean;
                /** @description Order of the list; `-` before it for descending. */
                sort?: string;
                /** @description Most items of the page; 50 where it is not given. */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same filters and order. */
                cursor?: string;
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Providers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Vec_Provider"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    provider: {
        parameters: {
            query?: {
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path: {
                /** @description Address of the account, 32 bytes in base58 */
                address: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The provider */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Provider"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    stats: {
        parameters: {
            query?: {
                /** @description Wait until the data is from this slot or a later one. */
                min_slot?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The numbers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Envelope_Stats"];
                };
            };
            /** @description What `if-none-match` names is still current */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter is malformed or not known */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The query is too long */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client asks too often: `retry-after` says when to ask again */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The slot or the id that was asked for was not reached in time, or the database does not answer */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The read took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
