// oneDNN's C API, and the one OpenMP call that pins a lane's primitives to one thread.
//
// Version 3 of oneDNN made memory descriptors opaque, dropped operation descriptors and changed the post-operations.
// The functions here take the arguments of version 3, and serve version 2 as well; the rest of the API that Troupe uses
// is the same in both. Each names the function of version 3 that it stands for.
#pragma once
#include <dnnl.h>
#include <dnnl_debug.h>
#include <stdlib.h>

// Declared here because <omp.h> belongs to the compiler, not to a library.
void omp_set_num_threads(int threads);

// dnnl_memory_desc_t and const_dnnl_memory_desc_t of version 3. In version 2 no such structure exists: the pointer is
// cast from one to a dnnl_memory_desc_t, a structure there.
typedef struct dnnl_memory_desc *troupe_memory_desc_t;
typedef const struct dnnl_memory_desc *troupe_const_memory_desc_t;

#if DNNL_VERSION_MAJOR < 3
#define TROUPE_VERSION_2(memory) ((const dnnl_memory_desc_t *)(memory))
#endif

// dnnl_memory_desc_clone
static inline dnnl_status_t troupe_memory_desc_clone(
    troupe_memory_desc_t *made, troupe_const_memory_desc_t memory) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_clone(made, memory);
#else
  dnnl_memory_desc_t *copy = malloc(sizeof *copy);
  if (!copy) return dnnl_out_of_memory;
  *copy = *TROUPE_VERSION_2(memory);
  *made = (troupe_memory_desc_t)copy;
  return dnnl_success;
#endif
}

// dnnl_memory_desc_destroy
static inline void troupe_memory_desc_destroy(troupe_memory_desc_t memory) {
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_destroy(memory);
#else
  free(memory);
#endif
}

// dnnl_memory_desc_create_with_strides
static inline dnnl_status_t troupe_memory_desc_create_with_strides(
    troupe_memory_desc_t *made, int rank, const dnnl_dim_t *extents, dnnl_data_type_t type, const dnnl_dim_t *strides) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_strides(made, rank, extents, type, strides);
#else
  dnnl_memory_desc_t memory;
  dnnl_status_t status = dnnl_memory_desc_init_by_strides(&memory, rank, extents, type, strides);
  return status == dnnl_success ? troupe_memory_desc_clone(made, (troupe_const_memory_desc_t)&memory) : status;
#endif
}

// dnnl_memory_desc_create_with_tag
static inline dnnl_status_t troupe_memory_desc_create_with_tag(
    troupe_memory_desc_t *made, int rank, const dnnl_dim_t *extents, dnnl_data_type_t type, dnnl_format_tag_t tag) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_tag(made, rank, extents, type, tag);
#else
  dnnl_memory_desc_t memory;
  dnnl_status_t status = dnnl_memory_desc_init_by_tag(&memory, rank, extents, type, tag);
  return status == dnnl_success ? troupe_memory_desc_clone(made, (troupe_const_memory_desc_t)&memory) : status;
#endif
}

// dnnl_memory_desc_get_size
static inline size_t troupe_memory_desc_get_size(troupe_const_memory_desc_t memory) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_get_size(memory);
#else
  return dnnl_memory_desc_get_size(TROUPE_VERSION_2(memory));
#endif
}

// dnnl_primitive_desc_query_md: the descriptor belongs to the primitive's.
static inline troupe_const_memory_desc_t troupe_primitive_desc_query_md(
    const_dnnl_primitive_desc_t primitive, dnnl_query_t query, int index) {
  return (troupe_const_memory_desc_t)dnnl_primitive_desc_query_md(primitive, query, index);
}

// dnnl_memory_create
static inline dnnl_status_t troupe_memory_create(
    dnnl_memory_t *made, troupe_const_memory_desc_t memory, dnnl_engine_t engine, void *buffer) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_create(made, memory, engine, buffer);
#else
  return dnnl_memory_create(made, TROUPE_VERSION_2(memory), engine, buffer);
#endif
}

// dnnl_post_ops_append_sum, for tensors without a zero point
static inline dnnl_status_t troupe_post_ops_append_sum(dnnl_post_ops_t operations, float scale) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_post_ops_append_sum(operations, scale, 0, dnnl_data_type_undef);
#else
  return dnnl_post_ops_append_sum(operations, scale);
#endif
}

// dnnl_post_ops_append_eltwise
static inline dnnl_status_t troupe_post_ops_append_eltwise(
    dnnl_post_ops_t operations, dnnl_alg_kind_t function, float alpha, float beta) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_post_ops_append_eltwise(operations, function, alpha, beta);
#else
  return dnnl_post_ops_append_eltwise(operations, 1, function, alpha, beta);
#endif
}

// dnnl_reorder_primitive_desc_create, on one engine
static inline dnnl_status_t troupe_reorder_primitive_desc_create(
    dnnl_primitive_desc_t *made, dnnl_engine_t engine, troupe_const_memory_desc_t source,
    troupe_const_memory_desc_t destination, const_dnnl_primitive_attr_t attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_reorder_primitive_desc_create(made, source, engine, destination, engine, attributes);
#else
  return dnnl_reorder_primitive_desc_create(
      made, TROUPE_VERSION_2(source), engine, TROUPE_VERSION_2(destination), engine, attributes);
#endif
}

// dnnl_matmul_primitive_desc_create; without a bias it is null.
static inline dnnl_status_t troupe_matmul_primitive_desc_create(
    dnnl_primitive_desc_t *made, dnnl_engine_t engine, troupe_const_memory_desc_t source,
    troupe_const_memory_desc_t weights, troupe_const_memory_desc_t bias, troupe_const_memory_desc_t destination,
    const_dnnl_primitive_attr_t attributes) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_matmul_primitive_desc_create(made, engine, source, weights, bias, destination, attributes);
#else
  dnnl_matmul_desc_t operation;
  dnnl_status_t status = dnnl_matmul_desc_init(
      &operation, TROUPE_VERSION_2(source), TROUPE_VERSION_2(weights), TROUPE_VERSION_2(bias),
      TROUPE_VERSION_2(destination));
  return status == dnnl_success ? dnnl_primitive_desc_create(made, &operation, attributes, engine, NULL) : status;
#endif
}

// dnnl_convolution_forward_primitive_desc_create, or …_backward_data_… or …_backward_weights_… by the kind of
// propagation; where it is backward, the tensors that it writes and the destination are gradients. Without a bias it is
// null.
static inline dnnl_status_t troupe_convolution_primitive_desc_create(
    dnnl_primitive_desc_t *made, dnnl_engine_t engine, dnnl_prop_kind_t kind, dnnl_alg_kind_t algorithm,
    troupe_const_memory_desc_t source, troupe_const_memory_desc_t weights, troupe_const_memory_desc_t bias,
    troupe_const_memory_desc_t destination, const dnnl_dim_t *strides, const dnnl_dim_t *dilations,
    const dnnl_dim_t *before, const dnnl_dim_t *after, const_dnnl_primitive_attr_t attributes) {
#if DNNL_VERSION_MAJOR >= 3
  switch (kind) {
  case dnnl_backward_data:
    return dnnl_convolution_backward_data_primitive_desc_create(
        made, engine, algorithm, source, weights, destination, strides, dilations, before, after, NULL, attributes);
  case dnnl_backward_weights:
    return dnnl_convolution_backward_weights_primitive_desc_create(
        made, engine, algorithm, source, weights, bias, destination, strides, dilations, before, after, NULL,
        attributes);
  default:
    return dnnl_convolution_forward_primitive_desc_create(
        made, engine, kind, algorithm, source, weights, bias, destination, strides, dilations, before, after,
        attributes);
  }
#else
  const dnnl_memory_desc_t *x = TROUPE_VERSION_2(source), *w = TROUPE_VERSION_2(weights);
  const dnnl_memory_desc_t *b = TROUPE_VERSION_2(bias), *y = TROUPE_VERSION_2(destination);
  dnnl_convolution_desc_t operation;
  dnnl_status_t status;
  switch (kind) {
  case dnnl_backward_data:
    status = dnnl_dilated_convolution_backward_data_desc_init(
        &operation, algorithm, x, w, y, strides, dilations, before, after);
    break;
  case dnnl_backward_weights:
    status = dnnl_dilated_convolution_backward_weights_desc_init(
        &operation, algorithm, x, w, b, y, strides, dilations, before, after);
    break;
  default:
    status = dnnl_dilated_convolution_forward_desc_init(
        &operation, kind, algorithm, x, w, b, y, strides, dilations, before, after);
  }
  return status == dnnl_success ? dnnl_primitive_desc_create(made, &operation, attributes, engine, NULL) : status;
#endif
}
