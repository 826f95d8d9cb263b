/// Made by `tributary backtest train`; not to be edited.
enum StandardWeights {
    static let version = "worlds-6"
    static let priorShift = -1.08

    /// As `FraudPattern.text(of:)` writes them.
    static let patterns = """
        pattern clickFlooding -753
        slow_orders 51 day_late_orders 35 returning_customers 13 even_orders 4 chargebacks 4 low_conversion 17
        clicks_again 9 regular_clicks 83 night_clicks 6 day_late_orders_change 7 returning_customers_change 3
        rival_customers_change 2 low_conversion_change 11 clicks_again_change 28
        returning_click_devices_change 30 returning_click_addresses_change 17 regular_clicks_change 14
        night_clicks_change 29
        pattern clickInjection -733
        fast_orders 35 instant_orders 15 orders_after_rival 20 foreign_clicks 1 night_orders 1
        high_conversion 19 program_bursts 10 top_click_agent 31 night_clicks 7 off_market_clicks 3 paid_clicks 8
        assists 1 narrow_amounts 1 fast_orders_change 56 instant_orders_change 39 orders_after_rival_change 55
        foreign_clicks_change 11 night_orders_change 11 foreign_coupons_change 13 refunds_change 1
        high_conversion_change 25 program_bursts_change 13 top_click_agent_change 2 night_clicks_change 2
        paid_clicks_change 4 time_shape_change 28 order_hours_change 19 narrow_amounts_change 18
        pattern bots -807
        hosted_orders 64 automated_orders 97 new_customers 51 repeat_customers 31 even_orders 11 refunds 7
        early_refunds 29 top_order_device 10 top_order_agent 2 top_amount 32 high_conversion 21
        returning_click_devices 2 regular_clicks 5 referrerless_clicks 1 top_click_device 18 automated_clicks 31
        narrow_times 20 time_shape 37 small_orders 34 fast_orders_change 2 hosted_orders_change 17
        automated_orders_change 54 new_customers_change 37 repeat_customers_change 4 twin_orders_change 14
        foreign_coupons_change 4 even_orders_change 6 refunds_change 8 early_refunds_change 21
        top_order_device_change 8 top_order_agent_change 8 top_amount_change 33 high_conversion_change 24
        program_bursts_change 8 referrerless_clicks_change 15 top_click_device_change 7 hosted_clicks_change 22
        automated_clicks_change 22 off_market_clicks_change 10 narrow_times_change 15 time_shape_change 19
        amount_shape_change 6 small_orders_change 22
        pattern deviceFarm -682
        foreign_clicks 8 rival_devices 6 new_customers 112 rival_customers 7 refunds 7 early_refunds 7
        high_conversion 20 program_bursts 1 automated_clicks 21 night_clicks 15 paid_clicks 7 narrow_times 33
        time_shape 24 order_hours 46 narrow_amounts 3 rival_devices_change 14 new_customers_change 31
        rival_customers_change 16 refunds_change 1 early_refunds_change 13 top_order_subnet_change 41
        top_amount_change 2 new_on_used_devices_change 41 high_conversion_change 25 program_bursts_change 18
        top_click_device_change 3 automated_clicks_change 26 time_shape_change 23 order_hours_change 19
        narrow_amounts_change 6
        pattern replayedOrders -711
        unknown_clicks 89 missing_clicks 81 rival_devices 2 returning_customers 2 twin_orders 66
        near_limit_orders 2 repeated_orders 102 top_customer 26 high_conversion 16 night_clicks 10
        narrow_times 25 narrow_amounts 1 fast_orders_change 10 instant_orders_change 15 unknown_clicks_change 12
        missing_clicks_change 22 rival_devices_change 1 twin_orders_change 24 near_limit_orders_change 7
        repeated_orders_change 62 top_order_device_change 14 top_customer_change 21 high_conversion_change 25
        top_referrer_change 2 narrow_times_change 2 click_hours_change 2 narrow_amounts_change 11
        large_orders_change 1
        pattern stolenCards -702
        other_countries 17 night_orders 34 new_customers 97 chargebacks 105 top_sub_id 11 high_conversion 20
        night_clicks 4 narrow_times 3 large_orders 33 foreign_clicks_change 6 other_countries_change 44
        off_market_orders_change 7 night_orders_change 19 new_customers_change 44 chargebacks_change 10
        top_order_address_change 11 top_sub_id_change 22 reordering_addresses_change 2
        new_on_used_devices_change 32 high_conversion_change 25 top_referrer_change 4 hosted_clicks_change 3
        order_hours_change 5 click_hours_change 2 amount_shape_change 19 large_orders_change 44
        pattern selfReferral -753
        fast_orders 11 new_customers 81 repeat_customers 33 self_orders 78 refunds 11 top_order_device 52
        top_customer 15 high_conversion 25 referrerless_clicks 9 paid_clicks 7 narrow_times 12 large_orders 1
        fast_orders_change 19 orders_after_rival_change 4 new_customers_change 47 repeat_customers_change 37
        self_orders_change 51 even_orders_change 4 refunds_change 25 early_refunds_change 5
        top_order_device_change 25 top_customer_change 9 reordering_devices_change 12 high_conversion_change 25
        returning_click_devices_change 2 referrerless_clicks_change 8 top_referrer_change 19
        narrow_times_change 9 time_shape_change 3
        pattern cookieStuffing -659
        slow_orders 29 day_late_orders 48 hosted_orders 46 low_conversion 64 program_bursts 78 top_referrer 3
        refunds_change 1 early_refunds_change 6 low_conversion_change 12 top_referrer_change 48
        night_clicks_change 6
        pattern proxies -727
        missing_clicks 20 other_countries 1 off_market_orders 46 hosted_orders 54 other_networks 97
        night_orders 1 new_customers 6 foreign_coupons 6 rushed_orders 10 early_refunds 4 high_conversion 25
        program_bursts 13 clicks_after_rival 20 referrerless_clicks 8 automated_clicks 19 narrow_times 22
        time_shape 15 order_hours 5 missing_clicks_change 4 foreign_clicks_change 14 other_countries_change 7
        off_market_orders_change 36 hosted_orders_change 3 other_networks_change 7 night_orders_change 3
        new_customers_change 1 foreign_coupons_change 7 rushed_orders_change 23 top_amount_change 13
        high_conversion_change 25 program_bursts_change 5 referrerless_clicks_change 6 hosted_clicks_change 30
        automated_clicks_change 10 night_clicks_change 9 paid_clicks_change 5 click_hours_change 12
        small_orders_change 12
        pattern incentivised -802
        rival_devices 2 new_customers 53 even_orders 17 refunds 38 early_refunds 101 top_amount 49 top_sub_id 1
        high_conversion 22 referrerless_clicks 2 hosted_clicks 28 night_clicks 17 narrow_times 8 time_shape 14
        order_hours 1 small_orders 63 fast_orders_change 27 rival_devices_change 7 new_customers_change 39
        rival_customers_change 1 early_refunds_change 5 top_amount_change 36 top_sub_id_change 23
        high_conversion_change 25 top_referrer_change 4 night_clicks_change 1 time_shape_change 21
        order_hours_change 13 amount_shape_change 7 narrow_amounts_change 5 small_orders_change 37
        pattern thresholdGaming -726
        fast_orders 2 orders_after_rival 8 other_countries 8 new_customers 61 returning_customers 5
        near_limit_orders 119 even_orders 8 chargebacks 24 high_conversion 25 referrerless_clicks 4
        top_click_device 9 automated_clicks 16 narrow_times 24 amount_shape 8 narrow_amounts 40
        orders_after_rival_change 4 returning_customers_change 10 near_limit_orders_change 18
        foreign_coupons_change 9 chargebacks_change 3 top_customer_change 5 high_conversion_change 25
        clicks_after_rival_change 1 top_referrer_change 12 top_click_device_change 3 top_click_agent_change 4
        automated_clicks_change 6 click_hours_change 2 amount_shape_change 15
        pattern slowRamp -587
        fast_orders 2 instant_orders 17 shared_devices 18 new_customers 40 rival_customers 10
        top_order_subnet 10 automated_clicks 11 paid_clicks 7 assists 12 narrow_times 5 instant_orders_change 18
        shared_devices_change 2 new_customers_change 22 rival_customers_change 21 near_limit_orders_change 14
        new_on_used_devices_change 71 high_conversion_change 25 automated_clicks_change 15 time_shape_change 8
        order_hours_change 7 small_orders_change 14
        pattern collusionRing -658
        fast_orders 8 instant_orders 2 rival_devices 45 returning_customers 127 rival_customers 30
        high_conversion 25 paid_clicks 5 assists 6 narrow_times 6 device_ring 52 fast_orders_change 17
        instant_orders_change 6 shared_devices_change 22 rival_devices_change 46 returning_customers_change 21
        rival_customers_change 21 twin_orders_change 1 even_orders_change 3 refunds_change 3
        high_conversion_change 25 paid_clicks_change 1 assists_change 12 time_shape_change 2
        click_hours_change 4 device_ring_change 52
        pattern brandBidding -635
        fast_orders 9 other_countries 9 returning_customers 59 rival_customers 18 foreign_coupons 13
        even_orders 9 refunds 2 early_refunds 7 high_conversion 11 top_click_agent 10 narrow_times 32
        small_orders 7 paid_orders 38 fast_orders_change 17 instant_orders_change 21
        returning_customers_change 17 rival_customers_change 19 near_limit_orders_change 10
        foreign_coupons_change 7 early_refunds_change 7 chargebacks_change 12 top_amount_change 3
        top_sub_id_change 9 high_conversion_change 25 off_market_clicks_change 1 time_shape_change 16
        small_orders_change 19 paid_orders_change 38
        """

    /// As `FraudRarity.text` writes it.
    static let rarity = """
        -5600 1174 498
        fast_orders_change 132 147 171 197 226 260 302 336 386 393 393 402
        instant_orders_change 160 173 193 214 232 261 298 325 354 374 374 379
        slow_orders_change 75 99 137 171 199 225 252 283 304 328 343 356
        day_late_orders_change 77 102 145 181 211 232 253 283 301 318 345 361
        orders_after_rival_change 126 140 162 188 219 255 285 320 348 386 413 428
        unknown_clicks_change 112 137 179 235 289 343 411 450 450 450 450 450
        missing_clicks_change 88 134 217 293 382 431 450 450 450 450 450 450
        used_clicks_change 101 125 157 184 204 236 267 300 336 372 401 437
        foreign_clicks_change 184 190 206 216 227 240 273 309 342 384 437 450
        shared_devices_change 131 141 153 169 185 200 214 226 236 249 258 266
        rival_devices_change 179 186 199 220 256 307 348 356 367 376 392 412
        other_devices_change 84 117 172 234 302 366 398 450 450 450 450 450
        other_countries_change 113 127 155 176 196 214 236 259 281 300 328 338
        off_market_orders_change 85 102 130 158 182 203 228 255 276 319 345 366
        hosted_orders_change 152 163 182 199 214 236 251 263 270 284 292 307
        other_networks_change 87 122 193 260 308 374 431 450 450 450 450 450
        automated_orders_change 450 450 450 450 450 450 450 450 450 450 450 450
        night_orders_change 83 114 165 210 255 307 353 384 407 437 450 450
        new_customers_change 89 125 184 247 321 374 419 450 450 450 450 450
        returning_customers_change 90 125 186 249 292 320 358 385 450 450 450 450
        repeat_customers_change 84 108 145 184 225 267 310 347 413 450 450 450
        rival_customers_change 182 186 202 232 274 340 382 397 450 450 450 450
        twin_orders_change 110 125 155 181 210 252 297 330 371 382 410 432
        self_orders_change 235 240 254 264 276 285 295 312 340 365 378 396
        near_limit_orders_change 102 121 162 197 231 259 292 325 343 358 365 394
        repeated_orders_change 450 450 450 450 450 450 450 450 450 450 450 450
        foreign_coupons_change 170 175 193 210 226 246 257 272 293 318 331 367
        rushed_orders_change 145 158 189 228 268 334 380 432 450 450 450 450
        even_orders_change 89 127 186 236 297 362 427 450 450 450 450 450
        refunds_change 106 141 199 255 306 361 428 450 450 450 450 450
        early_refunds_change 103 130 181 238 297 365 428 450 450 450 450 450
        chargebacks_change 218 224 231 240 277 315 347 381 450 450 450 450
        top_order_address_change 111 141 178 207 235 255 272 290 305 326 328 336
        top_order_subnet_change 110 132 158 181 201 220 237 255 275 289 301 315
        top_order_device_change 101 140 190 218 246 267 285 314 325 344 362 383
        top_customer_change 97 129 184 215 241 265 282 307 340 362 389 427
        top_order_agent_change 109 136 165 187 210 237 267 303 337 353 368 373
        top_amount_change 96 129 177 206 228 248 261 279 291 300 314 332
        top_sub_id_change 122 145 168 187 200 217 244 285 314 361 428 428
        reordering_devices_change 116 147 190 228 257 282 308 321 336 354 377 381
        reordering_addresses_change 116 145 189 229 264 296 321 350 372 392 399 418
        new_on_used_devices_change 157 165 181 199 221 246 276 301 334 377 392 431
        low_conversion_change 126 202 324 407 450 450 450 450 450 450 450 450
        clicks_again_change 79 102 129 153 177 198 222 244 268 286 307 323
        returning_click_devices_change 88 117 158 190 222 248 269 289 303 318 330 344
        returning_click_addresses_change 88 116 154 184 206 227 244 260 278 297 312 327
        rapid_clicks_change 58 114 210 303 413 450 450 450 450 450 450 450
        regular_clicks_change 82 102 140 176 207 237 283 328 359 427 450 450
        program_bursts_change 152 156 164 172 181 189 196 210 218 224 239 253
        clicks_after_rival_change 83 107 143 178 209 238 262 281 294 309 328 343
        referrerless_clicks_change 92 119 144 166 181 193 206 216 226 235 242 251
        top_referrer_change 97 115 135 156 174 184 197 217 246 273 305 339
        top_click_address_change 83 110 143 168 189 206 220 231 243 250 258 268
        top_click_subnet_change 86 105 132 155 173 187 198 205 211 215 218 223
        top_click_device_change 85 112 141 163 182 200 218 234 248 262 273 283
        top_click_agent_change 82 111 142 167 184 200 211 220 228 235 245 251
        hosted_clicks_change 87 119 167 203 228 245 258 265 272 278 280 282
        automated_clicks_change 90 125 199 276 324 378 450 450 450 450 450 450
        night_clicks_change 62 92 139 178 214 256 285 311 338 371 406 416
        off_market_clicks_change 71 86 110 129 143 154 162 168 173 178 182 188
        paid_clicks_change 72 94 129 164 191 211 227 240 255 265 276 286
        assists_change 78 101 142 177 205 230 262 293 334 354 362 364
        narrow_times_change 98 114 140 165 192 214 234 250 268 287 297 312
        time_shape_change 67 92 134 169 194 216 228 243 257 271 284 293
        order_hours_change 83 112 163 210 259 299 322 354 380 394 402 428
        click_hours_change 103 128 158 178 193 205 217 228 236 248 260 274
        amount_shape_change 61 86 130 166 192 215 233 252 272 286 305 327
        narrow_amounts_change 107 130 158 178 190 200 209 214 220 225 231 235
        large_orders_change 67 102 151 187 215 243 263 279 299 310 320 331
        small_orders_change 68 108 165 213 254 282 312 343 349 369 393 432
        device_ring_change 450 450 450 450 450 450 450 450 450 450 450 450
        drift_change 163 170 181 190 197 204 210 216 221 228 234 238
        paid_orders_change 89 106 131 154 177 196 216 239 257 289 321 367
        anomaly 3 4 6 8 10 13 17 21 26 32 38 46
        """
}
