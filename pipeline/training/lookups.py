"""Embeddings of compiled loops: the rows that are looked up in a table, and the sums of the gradients of each.

torch's compiler works out the place of a row anew for each of its numbers. Here a place is read once, and its row is
copied or added as a whole, in the order of the places: the same bytes, sooner. Places are counted from 0.
"""

SOURCE = r"""
struct Places {
  const int64_t* at;
  int64_t count, across;  // from one to the next, in numbers
};

static Places places_of(AtenTensorHandle tensor) {
  int64_t *sizes, *strides;
  void* at;
  aoti_torch_get_sizes(tensor, &sizes);
  aoti_torch_get_strides(tensor, &strides);
  aoti_torch_get_data_ptr(tensor, &at);
  return {(const int64_t*)at, sizes[0], strides[0]};
}

// calls fill(i, place) with the i-th place, for all of them; fails, and frees the output, at one that is no row's
template <typename Fill>
static AOTITorchError for_each_place(const Places& places, int64_t rows, AtenTensorHandle* out, const Fill& fill) {
  for (int64_t i = 0; i < places.count; i++) {
    const int64_t place = places.at[i * places.across];
    if (place < 0 || place >= rows) {
      aoti_torch_delete_tensor_object(*out);
      return AOTI_TORCH_FAILURE;
    }
    fill(i, place);
  }
  return AOTI_TORCH_SUCCESS;
}

// (rows, width) table and (n,) places -> (n, width)
extern "C" AOTITorchError aoti_torch_cpu_looked_up(
    AtenTensorHandle table, AtenTensorHandle places, AtenTensorHandle* out) {
  const Matrix from = matrix(table);
  const Places each = places_of(places);
  if (const AOTITorchError error = allocate(each.count, from.columns, out)) return error;
  const Matrix to = matrix(*out);
  return for_each_place(each, from.rows, out, [&](int64_t i, int64_t place) {
    for (int64_t j = 0; j < to.columns; j++) *to.element(i, j) = *from.element(place, j);
  });
}

// (n, width) values and the (n,) places where they are added to zeros -> (rows, width)
extern "C" AOTITorchError aoti_torch_cpu_summed_up(
    AtenTensorHandle values, AtenTensorHandle places, int64_t rows, AtenTensorHandle* out) {
  const Matrix from = matrix(values);
  if (const AOTITorchError error = allocate(rows, from.columns, out)) return error;
  const Matrix to = matrix(*out);
  std::fill(to.at, to.at + rows * to.columns, 0.0f);
  return for_each_place(places_of(places), rows, out, [&](int64_t i, int64_t place) {
    for (int64_t j = 0; j < to.columns; j++) *to.element(place, j) += *from.element(i, j);
  });
}
"""
