/// Made by `tributary backtest train`; not to be edited.
enum StandardWeights {
    static let version = "worlds-7"
    static let priorShift = -1.62

    /// As `FraudPattern.text(of:)` writes them.
    static let patterns = """
        pattern clickFlooding -674
        slow_orders 24 day_late_orders 54 returning_customers 27 top_sub_id 2 low_conversion 126
        regular_clicks 62 hosted_clicks 8 assists 16 slow_orders_change 4 day_late_orders_change 6
        hosted_orders_change 6 returning_customers_change 34 chargebacks_change 3 low_conversion_change 64
        clicks_again_change 20 returning_click_devices_change 20 returning_click_addresses_change 40
        regular_clicks_change 35 top_referrer_change 15 night_clicks_change 78 narrow_times_change 2
        time_shape_change 1
        pattern clickInjection -692
        fast_orders 40 instant_orders 34 orders_after_rival 53 self_orders 1 top_amount 7 referrerless_clicks 13
        top_click_address 16 top_click_device 1 night_clicks 1 off_market_clicks 12 assists 5 narrow_times 11
        time_shape 6 fast_orders_change 67 instant_orders_change 4 orders_after_rival_change 48 refunds_change 3
        top_amount_change 8 low_conversion_change 1 clicks_after_rival_change 2 referrerless_clicks_change 12
        top_referrer_change 3 top_click_address_change 4 top_click_device_change 9 hosted_clicks_change 21
        night_clicks_change 8 narrow_times_change 5 time_shape_change 43 narrow_amounts_change 5
        pattern bots -777
        hosted_orders 57 automated_orders 93 new_customers 67 self_orders 9 refunds 46 early_refunds 2
        top_order_agent 2 top_amount 57 top_referrer 4 automated_clicks 20 night_clicks 8 paid_clicks 7
        narrow_times 27 time_shape 43 small_orders 72 fast_orders_change 28 hosted_orders_change 64
        automated_orders_change 57 new_customers_change 58 self_orders_change 4 refunds_change 9
        early_refunds_change 9 top_order_agent_change 31 top_amount_change 38 low_conversion_change 6
        top_referrer_change 1 top_click_agent_change 3 automated_clicks_change 19 night_clicks_change 10
        narrow_times_change 9 time_shape_change 11 small_orders_change 19
        pattern deviceFarm -651
        rival_devices 3 night_orders 7 new_customers 57 even_orders 1 refunds 34 early_refunds 25 top_amount 26
        clicks_after_rival 1 top_referrer 5 night_clicks 14 paid_clicks 7 assists 1 narrow_times 34
        time_shape 37 order_hours 26 rival_devices_change 1 new_customers_change 96 refunds_change 1
        top_order_subnet_change 56 top_amount_change 21 new_on_used_devices_change 4 top_referrer_change 9
        paid_clicks_change 1 narrow_times_change 2 order_hours_change 53
        pattern replayedOrders -674
        unknown_clicks 123 missing_clicks 110 returning_customers 41 twin_orders 51 repeated_orders 203
        top_customer 58 top_referrer 3 automated_clicks 2 paid_clicks 7 narrow_times 16 narrow_amounts 5
        unknown_clicks_change 15 missing_clicks_change 34 returning_customers_change 10 twin_orders_change 39
        repeated_orders_change 75 refunds_change 15 top_order_device_change 19 top_customer_change 25
        top_sub_id_change 28 reordering_devices_change 4 reordering_addresses_change 9 top_referrer_change 20
        top_click_device_change 7 night_clicks_change 4 narrow_times_change 7 amount_shape_change 16
        narrow_amounts_change 2 small_orders_change 18
        pattern stolenCards -677
        rival_devices 15 other_countries 13 night_orders 76 new_customers 73 self_orders 6 even_orders 9
        chargebacks 135 top_order_device 17 narrow_times 4 large_orders 38 fast_orders_change 6
        other_countries_change 64 off_market_orders_change 24 night_orders_change 11 new_customers_change 84
        near_limit_orders_change 9 top_sub_id_change 19 reordering_addresses_change 30
        top_click_device_change 13 night_clicks_change 3 order_hours_change 18 large_orders_change 34
        pattern selfReferral -763
        fast_orders 4 new_customers 78 repeat_customers 51 self_orders 93 top_order_device 39 top_customer 72
        top_amount 5 hosted_clicks 1 automated_clicks 7 paid_clicks 1 narrow_times 11 fast_orders_change 14
        new_customers_change 46 repeat_customers_change 48 self_orders_change 48 early_refunds_change 5
        top_order_device_change 35 top_amount_change 11 top_sub_id_change 9 reordering_devices_change 7
        hosted_clicks_change 4 automated_clicks_change 2 paid_clicks_change 10 narrow_times_change 4
        time_shape_change 9 click_hours_change 7
        pattern cookieStuffing -629
        slow_orders 14 day_late_orders 56 top_order_device 3 low_conversion 156 program_bursts 72
        top_referrer 15 off_market_clicks 9 assists 26 day_late_orders_change 1 returning_customers_change 21
        rival_customers_change 2 top_sub_id_change 9 low_conversion_change 17 program_bursts_change 16
        top_referrer_change 33 night_clicks_change 30 assists_change 13
        pattern proxies -677
        foreign_clicks 23 rival_devices 9 other_countries 9 off_market_orders 59 hosted_orders 44
        other_networks 128 night_orders 23 new_customers 21 foreign_coupons 6 even_orders 15 refunds 20
        early_refunds 14 chargebacks 8 top_amount 5 top_sub_id 4 top_click_device 17 automated_clicks 14
        narrow_times 12 fast_orders_change 2 other_countries_change 14 off_market_orders_change 51
        hosted_orders_change 47 night_orders_change 10 new_customers_change 25 even_orders_change 13
        early_refunds_change 32 chargebacks_change 9 top_sub_id_change 28 clicks_after_rival_change 11
        top_referrer_change 3 top_click_device_change 4 hosted_clicks_change 1 small_orders_change 7
        pattern incentivised -750
        fast_orders 24 new_customers 44 refunds 3 early_refunds 122 top_amount 57 top_referrer 8 night_clicks 2
        narrow_times 18 order_hours 13 small_orders 76 fast_orders_change 32 new_customers_change 57
        refunds_change 1 top_amount_change 74 top_sub_id_change 38 top_referrer_change 8 order_hours_change 28
        click_hours_change 11 narrow_amounts_change 1 small_orders_change 34
        pattern thresholdGaming -663
        new_customers 7 near_limit_orders 137 refunds 11 top_click_address 9 narrow_times 18 narrow_amounts 38
        new_customers_change 15 near_limit_orders_change 44 foreign_coupons_change 1 top_referrer_change 9
        amount_shape_change 6
        pattern slowRamp -578
        shared_devices 18 returning_customers 6 even_orders 18 new_on_used_devices 2 paid_clicks 19 assists 8
        narrow_times 31 fast_orders_change 29 instant_orders_change 3 shared_devices_change 26
        returning_customers_change 27 repeat_customers_change 39 twin_orders_change 12 even_orders_change 13
        top_order_subnet_change 35 top_amount_change 20 top_sub_id_change 47 new_on_used_devices_change 17
        hosted_clicks_change 1
        pattern collusionRing -632
        rival_devices 102 returning_customers 125 rival_customers 109 even_orders 2 refunds 5
        reordering_addresses 23 top_click_address 1 assists 14 narrow_times 24 small_orders 2 device_ring 73
        fast_orders_change 21 shared_devices_change 12 rival_devices_change 22 returning_customers_change 45
        repeat_customers_change 10 twin_orders_change 9 even_orders_change 4 top_order_address_change 1
        top_order_device_change 14 top_customer_change 1 reordering_devices_change 1
        reordering_addresses_change 17 assists_change 8 small_orders_change 4 device_ring_change 73
        pattern brandBidding -592
        fast_orders 8 returning_customers 62 foreign_coupons 54 chargebacks 9 top_sub_id 11 top_click_address 1
        hosted_clicks 8 narrow_times 7 paid_orders 43 fast_orders_change 57 returning_customers_change 59
        top_amount_change 14 top_sub_id_change 12 top_referrer_change 7 top_click_address_change 1
        hosted_clicks_change 5 night_clicks_change 2 paid_clicks_change 11 order_hours_change 15
        paid_orders_change 38
        """

    /// As `FraudRarity.text` writes it.
    static let rarity = """
        -5234 1074 503
        fast_orders_change 150 173 209 243 273 301 329 344 358 377 393 398
        instant_orders_change 165 184 211 236 260 284 308 328 342 358 372 380
        slow_orders_change 85 111 148 180 208 232 256 284 312 340 380 402
        day_late_orders_change 88 115 151 183 212 237 258 287 312 337 368 402
        orders_after_rival_change 144 165 200 229 259 292 321 345 383 409 417 443
        unknown_clicks_change 139 173 227 277 331 394 448 487 500 500 500 500
        missing_clicks_change 110 166 251 330 403 487 500 500 500 500 500 500
        used_clicks_change 115 141 175 200 224 246 264 283 300 316 333 353
        foreign_clicks_change 184 202 227 249 269 293 319 355 387 413 448 463
        shared_devices_change 124 133 146 158 170 181 191 202 213 225 235 248
        rival_devices_change 199 214 244 277 315 356 414 430 466 500 500 500
        other_devices_change 105 144 203 260 315 374 426 479 500 500 500 500
        other_countries_change 130 152 185 212 239 262 282 303 329 353 382 401
        off_market_orders_change 100 122 157 190 221 251 281 306 335 373 390 416
        hosted_orders_change 160 176 204 232 259 283 312 335 357 390 417 438
        other_networks_change 102 143 208 272 340 418 500 500 500 500 500 500
        automated_orders_change 500 500 500 500 500 500 500 500 500 500 500 500
        night_orders_change 96 131 185 233 280 319 362 391 422 457 477 487
        new_customers_change 102 141 205 265 329 390 463 478 500 500 500 500
        returning_customers_change 97 135 198 262 320 396 449 500 500 500 500 500
        repeat_customers_change 96 124 165 206 244 284 332 377 409 451 500 500
        rival_customers_change 196 214 248 281 326 386 500 500 500 500 500 500
        twin_orders_change 124 146 182 212 242 273 318 353 379 426 469 500
        self_orders_change 226 238 252 269 284 303 319 332 354 376 387 407
        near_limit_orders_change 121 151 198 240 285 327 367 400 426 479 479 500
        repeated_orders_change 500 500 500 500 500 500 500 500 500 500 500 500
        foreign_coupons_change 180 192 210 226 242 258 270 285 299 323 339 349
        rushed_orders_change 161 186 226 271 314 372 418 454 479 479 479 479
        even_orders_change 110 156 215 273 336 386 419 464 500 500 500 500
        refunds_change 104 139 195 253 309 349 388 487 487 487 500 500
        early_refunds_change 100 125 173 222 279 346 392 397 407 407 422 500
        chargebacks_change 209 214 227 237 258 308 390 487 500 500 500 500
        top_order_address_change 125 158 200 233 262 286 311 339 366 393 432 445
        top_order_subnet_change 116 138 168 195 220 243 263 285 303 337 353 368
        top_order_device_change 127 174 229 267 300 329 345 364 378 422 422 438
        top_customer_change 125 176 234 273 303 327 346 365 412 462 469 477
        top_order_agent_change 116 143 182 217 252 291 318 358 393 421 464 464
        top_amount_change 118 160 203 232 259 282 304 328 351 393 413 426
        top_sub_id_change 125 147 173 198 223 252 283 317 352 387 417 430
        reordering_devices_change 138 177 224 257 285 312 332 351 372 404 422 445
        reordering_addresses_change 130 164 210 250 287 326 353 379 401 422 438 454
        new_on_used_devices_change 142 150 166 183 200 216 233 250 267 287 303 318
        low_conversion_change 128 202 312 391 479 500 500 500 500 500 500 500
        clicks_again_change 84 105 131 155 177 195 214 230 246 261 274 285
        returning_click_devices_change 98 128 166 196 221 243 259 270 283 298 305 319
        returning_click_addresses_change 93 120 156 183 204 221 236 249 262 279 294 304
        rapid_clicks_change 71 128 226 317 391 433 454 454 479 500 500 500
        regular_clicks_change 95 118 157 191 224 261 298 342 383 424 445 479
        program_bursts_change 174 187 200 211 222 237 248 260 273 303 315 326
        clicks_after_rival_change 91 116 156 193 231 266 295 323 345 360 373 387
        referrerless_clicks_change 90 114 140 163 182 198 210 220 231 240 249 258
        top_referrer_change 95 114 137 157 170 180 192 208 230 257 280 308
        top_click_address_change 84 110 144 171 192 209 223 235 246 258 266 273
        top_click_subnet_change 85 104 129 152 171 186 196 205 211 219 224 229
        top_click_device_change 87 117 150 175 195 212 229 244 259 274 285 297
        top_click_agent_change 85 110 140 163 180 194 203 213 219 230 236 242
        hosted_clicks_change 98 131 173 207 234 255 275 290 303 314 323 330
        automated_clicks_change 97 136 205 272 327 375 411 487 500 500 500 500
        night_clicks_change 67 100 145 183 216 244 267 294 320 341 367 394
        off_market_clicks_change 77 93 118 140 156 169 178 187 192 206 211 215
        paid_clicks_change 79 100 132 162 187 206 221 233 245 259 268 278
        assists_change 105 137 182 222 253 285 315 345 387 454 500 500
        narrow_times_change 96 110 133 157 178 199 216 231 248 259 269 277
        time_shape_change 66 91 130 164 189 211 229 245 258 269 283 297
        order_hours_change 83 113 163 208 247 281 321 360 402 434 440 447
        click_hours_change 101 123 148 167 185 200 216 232 247 262 276 289
        amount_shape_change 59 84 125 160 186 204 218 231 245 256 267 277
        narrow_amounts_change 109 133 163 183 199 208 215 221 226 230 235 238
        large_orders_change 68 105 156 193 218 236 250 260 272 282 293 303
        small_orders_change 66 103 161 210 251 283 315 338 358 371 394 419
        device_ring_change 500 500 500 500 500 500 500 500 500 500 500 500
        drift_change 147 152 160 167 173 179 184 188 192 195 199 202
        paid_orders_change 104 123 150 175 198 222 246 271 295 325 352 384
        anomaly 3 4 7 9 12 16 20 25 31 37 44 51
        """
}
