;; The kernels for decoding one token: products of a weight matrix and one vector, and the gates' functions, in WebAssembly's
;; 128-bit SIMD. scripts/assemble-kernels.mjs assembles them into kernels.wasm.ts. Not a general library: only batches of one.
;;
;; A matrix is stored by output (row); rows and columns are padded with zeros (products.ts). Pointers are in bytes. Vectors
;; are padded to 4 elements, and results in the padding are never read.
(module
  (import "host" "memory" (memory 0))

  ;; The sums of the lanes of four vectors, as one vector.
  (func $sumInts (param $a v128) (param $b v128) (param $c v128) (param $d v128) (result v128)
    (local $ab v128) (local $cd v128)
    (local.set $ab (i32x4.add ;; a0+a2, b0+b2, a1+a3, b1+b3
      (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $a) (local.get $b))
      (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $a) (local.get $b))))
    (local.set $cd (i32x4.add
      (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $c) (local.get $d))
      (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $c) (local.get $d))))
    (i32x4.add
      (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $ab) (local.get $cd))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $ab) (local.get $cd))))

  (func $sumLanes (param $a v128) (result f32)
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $a)) (f32x4.extract_lane 1 (local.get $a)))
      (f32.add (f32x4.extract_lane 2 (local.get $a)) (f32x4.extract_lane 3 (local.get $a)))))

  ;; y = W x. $w: float32 [rows, stride / 4]; $x: float32 [stride / 4]; $stride: a multiple of 64 bytes. Goes row by row,
  ;; because memory read in order arrives soonest, and that bounds products with float32 weights.
  (func (export "productFloat32") (param $w i32) (param $stride i32) (param $x i32) (param $y i32) (param $rows i32)
    (local $end i32) (local $rowEnd i32) (local $k i32)
    (local $a0 v128) (local $a1 v128) (local $a2 v128) (local $a3 v128)
    (local.set $end (i32.add (local.get $y) (i32.shl (local.get $rows) (i32.const 2))))
    (loop $row
      (local.set $a0 (v128.const i32x4 0 0 0 0)) (local.set $a1 (v128.const i32x4 0 0 0 0))
      (local.set $a2 (v128.const i32x4 0 0 0 0)) (local.set $a3 (v128.const i32x4 0 0 0 0))
      (local.set $k (local.get $x))
      (local.set $rowEnd (i32.add (local.get $w) (local.get $stride)))
      (loop $column
        (local.set $a0 (f32x4.add (local.get $a0)
          (f32x4.mul (v128.load offset=0 (local.get $k)) (v128.load offset=0 (local.get $w)))))
        (local.set $a1 (f32x4.add (local.get $a1)
          (f32x4.mul (v128.load offset=16 (local.get $k)) (v128.load offset=16 (local.get $w)))))
        (local.set $a2 (f32x4.add (local.get $a2)
          (f32x4.mul (v128.load offset=32 (local.get $k)) (v128.load offset=32 (local.get $w)))))
        (local.set $a3 (f32x4.add (local.get $a3)
          (f32x4.mul (v128.load offset=48 (local.get $k)) (v128.load offset=48 (local.get $w)))))
        (local.set $k (i32.add (local.get $k) (i32.const 64)))
        (br_if $column (i32.lt_u (local.tee $w (i32.add (local.get $w) (i32.const 64))) (local.get $rowEnd))))
      (local.set $a0 (f32x4.add
        (f32x4.add (local.get $a0) (local.get $a1)) (f32x4.add (local.get $a2) (local.get $a3))))
      (f32.store (local.get $y) (call $sumLanes (local.get $a0)))
      (br_if $row (i32.lt_u (local.tee $y (i32.add (local.get $y) (i32.const 4))) (local.get $end)))))

  ;; y = $xScale · scales · (W x), the inner product in integers. $w: int8 [rows, stride]; $scales: float32 [rows];
  ;; $x: int16 [stride]; $stride: a multiple of 16.
  (func (export "productInt8") (param $w i32) (param $scales i32) (param $stride i32) (param $x i32) (param $xScale f32)
    (param $y i32) (param $rows i32)
    (local $end i32) (local $w1 i32) (local $w2 i32) (local $w3 i32) (local $k i32) (local $p i32) (local $v v128) (local $u v128)
    (local $a0 v128) (local $a1 v128) (local $a2 v128) (local $a3 v128)
    (local.set $end (i32.add (local.get $y) (i32.shl (local.get $rows) (i32.const 2))))
    (loop $row
      (local.set $w1 (i32.add (local.get $w) (local.get $stride)))
      (local.set $w2 (i32.add (local.get $w1) (local.get $stride)))
      (local.set $w3 (i32.add (local.get $w2) (local.get $stride)))
      (local.set $a0 (v128.const i32x4 0 0 0 0)) (local.set $a1 (v128.const i32x4 0 0 0 0))
      (local.set $a2 (v128.const i32x4 0 0 0 0)) (local.set $a3 (v128.const i32x4 0 0 0 0))
      (local.set $k (i32.const 0))
      (loop $column
        (local.set $p (i32.add (local.get $x) (i32.shl (local.get $k) (i32.const 1))))
        (local.set $v (v128.load (local.get $p)))
        (local.set $u (v128.load offset=16 (local.get $p)))
        (local.set $p (i32.add (local.get $w) (local.get $k)))
        (local.set $a0 (i32x4.add (local.get $a0) (i32x4.dot_i16x8_s (local.get $v) (v128.load8x8_s (local.get $p)))))
        (local.set $a0 (i32x4.add (local.get $a0) (i32x4.dot_i16x8_s (local.get $u) (v128.load8x8_s offset=8 (local.get $p)))))
        (local.set $p (i32.add (local.get $w1) (local.get $k)))
        (local.set $a1 (i32x4.add (local.get $a1) (i32x4.dot_i16x8_s (local.get $v) (v128.load8x8_s (local.get $p)))))
        (local.set $a1 (i32x4.add (local.get $a1) (i32x4.dot_i16x8_s (local.get $u) (v128.load8x8_s offset=8 (local.get $p)))))
        (local.set $p (i32.add (local.get $w2) (local.get $k)))
        (local.set $a2 (i32x4.add (local.get $a2) (i32x4.dot_i16x8_s (local.get $v) (v128.load8x8_s (local.get $p)))))
        (local.set $a2 (i32x4.add (local.get $a2) (i32x4.dot_i16x8_s (local.get $u) (v128.load8x8_s offset=8 (local.get $p)))))
        (local.set $p (i32.add (local.get $w3) (local.get $k)))
        (local.set $a3 (i32x4.add (local.get $a3) (i32x4.dot_i16x8_s (local.get $v) (v128.load8x8_s (local.get $p)))))
        (local.set $a3 (i32x4.add (local.get $a3) (i32x4.dot_i16x8_s (local.get $u) (v128.load8x8_s offset=8 (local.get $p)))))
        (br_if $column (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 16))) (local.get $stride))))
      (v128.store (local.get $y)
        (f32x4.mul
          (f32x4.mul (f32x4.splat (local.get $xScale)) (v128.load (local.get $scales)))
          (f32x4.convert_i32x4_s (call $sumInts (local.get $a0) (local.get $a1) (local.get $a2) (local.get $a3)))))
      (local.set $w (i32.add (local.get $w3) (local.get $stride)))
      (local.set $scales (i32.add (local.get $scales) (i32.const 16)))
      (br_if $row (i32.lt_u (local.tee $y (i32.add (local.get $y) (i32.const 16))) (local.get $end)))))

  ;; y = $xScale · (W x) with blocks of 32 weights of 4 bits, stored as integer + 8. $w: [rows, blocks, 16] bytes;
  ;; $scales: float32 [rows, blocks]; $x: int16 [blocks, 4, 8], where element [b, j, l] is x[32 b + 4 l + j], because in a
  ;; row of 16-bit lanes the j-th nibbles are the weights 4 l + j; $offsets: int32 [blocks], −8 times the sum of each block of x.
  (func (export "productInt4") (param $w i32) (param $scales i32) (param $blocks i32) (param $x i32) (param $offsets i32)
    (param $xScale f32) (param $y i32) (param $rows i32)
    (local $end i32) (local $p i32) (local $b i32) (local $a v128) (local $v v128) (local $low v128)
    (local $x0 i32)
    (local.set $low (v128.const i16x8 15 15 15 15 15 15 15 15))
    (local.set $end (i32.add (local.get $y) (i32.shl (local.get $rows) (i32.const 2))))
    (loop $row
      (local.set $a (v128.const i32x4 0 0 0 0))
      (local.set $b (local.get $offsets))
      (local.set $p (local.get $x))
      (local.set $x0 (i32.add (local.get $offsets) (i32.shl (local.get $blocks) (i32.const 2))))
      (loop $block
        (local.set $v (v128.load (local.get $w)))
        (local.set $a (f32x4.add (local.get $a) (f32x4.mul
          (v128.load32_splat (local.get $scales))
          (f32x4.convert_i32x4_s (i32x4.add
            (i32x4.add
              (i32x4.add (v128.load32_zero (local.get $b))
                (i32x4.dot_i16x8_s (v128.load (local.get $p)) (v128.and (local.get $v) (local.get $low))))
              (i32x4.dot_i16x8_s (v128.load offset=16 (local.get $p))
                (v128.and (i16x8.shr_u (local.get $v) (i32.const 4)) (local.get $low))))
            (i32x4.add
              (i32x4.dot_i16x8_s (v128.load offset=32 (local.get $p))
                (v128.and (i16x8.shr_u (local.get $v) (i32.const 8)) (local.get $low)))
              (i32x4.dot_i16x8_s (v128.load offset=48 (local.get $p)) (i16x8.shr_u (local.get $v) (i32.const 12)))))))))
        (local.set $w (i32.add (local.get $w) (i32.const 16)))
        (local.set $scales (i32.add (local.get $scales) (i32.const 4)))
        (local.set $p (i32.add (local.get $p) (i32.const 64)))
        (br_if $block (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 4))) (local.get $x0))))
      (f32.store (local.get $y) (f32.mul (local.get $xScale) (call $sumLanes (local.get $a))))
      (br_if $row (i32.lt_u (local.tee $y (i32.add (local.get $y) (i32.const 4))) (local.get $end)))))

  ;; exp of four floats by Cephes's expf: 2^n e^r with |r| at most ln 2 / 2; relative error below 2e-7 within ±87.
  (func $exp (param $x v128) (result v128) (local $n v128) (local $r v128) (local $p v128)
    (local.set $x (f32x4.max (f32x4.min (local.get $x) (v128.const f32x4 87 87 87 87)) (v128.const f32x4 -87 -87 -87 -87)))
    (local.set $n (f32x4.nearest (f32x4.mul (local.get $x) (v128.const f32x4 1.44269504 1.44269504 1.44269504 1.44269504))))
    (local.set $r (f32x4.sub
      (f32x4.sub (local.get $x) (f32x4.mul (local.get $n) (v128.const f32x4 0.693359375 0.693359375 0.693359375 0.693359375)))
      (f32x4.mul (local.get $n) (v128.const f32x4 -2.12194440e-4 -2.12194440e-4 -2.12194440e-4 -2.12194440e-4))))
    (local.set $p (v128.const f32x4 1.9875691500e-4 1.9875691500e-4 1.9875691500e-4 1.9875691500e-4))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (v128.const f32x4 1.3981999507e-3 1.3981999507e-3 1.3981999507e-3 1.3981999507e-3)))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (v128.const f32x4 8.3334519073e-3 8.3334519073e-3 8.3334519073e-3 8.3334519073e-3)))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (v128.const f32x4 4.1665795894e-2 4.1665795894e-2 4.1665795894e-2 4.1665795894e-2)))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (v128.const f32x4 1.6666665459e-1 1.6666665459e-1 1.6666665459e-1 1.6666665459e-1)))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (v128.const f32x4 5.0000001201e-1 5.0000001201e-1 5.0000001201e-1 5.0000001201e-1)))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (v128.const f32x4 1 1 1 1)))
    (local.set $p (f32x4.add (f32x4.mul (local.get $p) (local.get $r)) (v128.const f32x4 1 1 1 1)))
    (f32x4.mul (local.get $p) (i32x4.shl
      (i32x4.add (i32x4.trunc_sat_f32x4_s (local.get $n)) (v128.const i32x4 127 127 127 127)) (i32.const 23))))

  ;; 1 / (1 + e^−x)
  (func $sigmoid (param $x v128) (result v128)
    (f32x4.div (v128.const f32x4 1 1 1 1)
      (f32x4.add (v128.const f32x4 1 1 1 1) (call $exp (f32x4.neg (local.get $x))))))

  ;; The logistic function. The last pointer is the result's; $count elements.
  (func (export "sigmoid") (param $a i32) (param $y i32) (param $count i32) (local $end i32)
    (local.set $end (i32.add (local.get $y) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (v128.store (local.get $y) (call $sigmoid (v128.load (local.get $a))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (br_if $next (i32.lt_u (local.tee $y (i32.add (local.get $y) (i32.const 16))) (local.get $end)))))

  ;; tanh x = 2 sigmoid(2x) − 1. The last pointer is the result's; $count elements.
  (func (export "tanh") (param $a i32) (param $y i32) (param $count i32) (local $end i32)
    (local.set $end (i32.add (local.get $y) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (v128.store (local.get $y) 
        (f32x4.sub (f32x4.mul (v128.const f32x4 2 2 2 2) (call $sigmoid (f32x4.mul (v128.const f32x4 2 2 2 2) (v128.load (local.get $a)))))
          (v128.const f32x4 1 1 1 1)))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (br_if $next (i32.lt_u (local.tee $y (i32.add (local.get $y) (i32.const 16))) (local.get $end)))))

  ;; Sums. The last pointer is the result's; $count elements.
  (func (export "add") (param $a i32) (param $b i32) (param $y i32) (param $count i32) (local $end i32)
    (local.set $end (i32.add (local.get $y) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (v128.store (local.get $y) (f32x4.add (v128.load (local.get $a)) (v128.load (local.get $b))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (local.set $b (i32.add (local.get $b) (i32.const 16)))
      (br_if $next (i32.lt_u (local.tee $y (i32.add (local.get $y) (i32.const 16))) (local.get $end)))))

  ;; Differences. The last pointer is the result's; $count elements.
  (func (export "sub") (param $a i32) (param $b i32) (param $y i32) (param $count i32) (local $end i32)
    (local.set $end (i32.add (local.get $y) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (v128.store (local.get $y) (f32x4.sub (v128.load (local.get $a)) (v128.load (local.get $b))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (local.set $b (i32.add (local.get $b) (i32.const 16)))
      (br_if $next (i32.lt_u (local.tee $y (i32.add (local.get $y) (i32.const 16))) (local.get $end)))))

  ;; Products. The last pointer is the result's; $count elements.
  (func (export "mul") (param $a i32) (param $b i32) (param $y i32) (param $count i32) (local $end i32)
    (local.set $end (i32.add (local.get $y) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (v128.store (local.get $y) (f32x4.mul (v128.load (local.get $a)) (v128.load (local.get $b))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (local.set $b (i32.add (local.get $b) (i32.const 16)))
      (br_if $next (i32.lt_u (local.tee $y (i32.add (local.get $y) (i32.const 16))) (local.get $end)))))

  ;; Quotients. The last pointer is the result's; $count elements.
  (func (export "div") (param $a i32) (param $b i32) (param $y i32) (param $count i32) (local $end i32)
    (local.set $end (i32.add (local.get $y) (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (v128.store (local.get $y) (f32x4.div (v128.load (local.get $a)) (v128.load (local.get $b))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (local.set $b (i32.add (local.get $b) (i32.const 16)))
      (br_if $next (i32.lt_u (local.tee $y (i32.add (local.get $y) (i32.const 16))) (local.get $end)))))
)
